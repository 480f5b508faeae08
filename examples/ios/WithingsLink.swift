import AuthenticationServices

/// Links the signed-in user to Withings and reads their data, with a user token that the app's own backend made. The API key stays on
/// that backend.
///
/// The redirect URI is registered with the broker byte for byte: a custom scheme (`womoji://withings/success`), or, from iOS 17.4 on, a
/// universal link (`https://app.example.com/withings/done`), which no other app can claim.
@MainActor
final class WithingsLink: NSObject, ASWebAuthenticationPresentationContextProviding {
    enum Callback {
        case customScheme(String)
        /// The domain needs the `webcredentials` or `applinks` entry of the app.
        case universalLink(host: String, path: String)
    }

    /// Why a link came to nothing.
    enum LinkError: Error, Equatable {
        /// The user closed the sheet.
        case cancelled
        /// `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed list.
        case refused(code: String)
        /// The connection waits: the backend has to confirm it with this ticket.
        case needsConfirmation(ticket: String)
        case cannotStart
    }

    private let anchor: ASPresentationAnchor
    private var session: ASWebAuthenticationSession?

    init(anchor: ASPresentationAnchor) {
        self.anchor = anchor
    }

    /// Opens `authURL`, which the backend got from `POST …/withings/connect-sessions`, and returns when the user is linked.
    func link(authURL: URL, callback: Callback) async throws {
        let url = try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<URL, Error>) in
            let finish: (URL?, Error?) -> Void = { url, error in
                if let url {
                    continuation.resume(returning: url)
                } else if (error as? ASWebAuthenticationSessionError)?.code == .canceledLogin {
                    continuation.resume(throwing: LinkError.cancelled)
                } else {
                    continuation.resume(throwing: LinkError.cannotStart)
                }
            }
            let session = makeSession(authURL, callback, finish)
            session.presentationContextProvider = self
            // The user is most often signed in at Withings in Safari already: its cookies are wanted.
            session.prefersEphemeralWebBrowserSession = false
            self.session = session
            if !session.start() { continuation.resume(throwing: LinkError.cannotStart) }
        }
        session = nil
        try Self.judge(url)
    }

    private func makeSession(
        _ url: URL, _ callback: Callback, _ finish: @escaping (URL?, Error?) -> Void
    ) -> ASWebAuthenticationSession {
        switch callback {
        case .customScheme(let scheme):
            return ASWebAuthenticationSession(url: url, callbackURLScheme: scheme, completionHandler: finish)
        case .universalLink(let host, let path):
            if #available(iOS 17.4, *) {
                return ASWebAuthenticationSession(
                    url: url, callback: .https(host: host, path: path), completionHandler: finish)
            }
            preconditionFailure("Universal links as callbacks need iOS 17.4: register a custom scheme for older ones.")
        }
    }

    /// The redirect URI comes back unchanged where all went well.
    static func judge(_ url: URL) throws {
        let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
        if let code = items.first(where: { $0.name == "error" })?.value { throw LinkError.refused(code: code) }
        if let ticket = items.first(where: { $0.name == "ticket" })?.value {
            throw LinkError.needsConfirmation(ticket: ticket)
        }
    }

    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor { anchor }
}
