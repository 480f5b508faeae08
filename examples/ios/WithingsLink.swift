import AuthenticationServices

/// Connects the signed-in user to Withings: opens a link of the broker in a sheet, and says how it ended. Needs iOS 15.
///
/// A custom scheme as redirect URI works in every version, and needs no entry in Info.plist. An https address needs iOS 17.4 and the
/// associated domain `webcredentials:HOST` of the app; no other app can take it.
///
/// Apple's reference: ASWebAuthenticationSession, its `init(url:callback:completionHandler:)` and
/// `init(url:callbackURLScheme:completionHandler:)`, ASWebAuthenticationSession.Callback, ASWebAuthenticationPresentationContextProviding
/// (developer.apple.com/documentation/authenticationservices).
@MainActor
final class WithingsLink: NSObject, ASWebAuthenticationPresentationContextProviding {
    enum Ending: Equatable, Sendable {
        case connected
        /// The connection waits: your backend has to confirm it with this ticket.
        case needsConfirmation(ticket: String)
        /// `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed list.
        case refused(code: String)
        /// The user closed the sheet. A reason comes from the system, such as an associated domain that is missing.
        case cancelled(reason: String?)
    }

    enum LinkError: Error {
        /// One link at a time.
        case alreadyRunning
        /// An https redirect URI needs iOS 17.4: register a custom scheme for older versions.
        case httpsNeedsNewerSystem
        /// The system opened no sheet, or ended it without saying why.
        case noAnswer
    }

    private let anchor: ASPresentationAnchor
    private var session: ASWebAuthenticationSession?
    private var waiting: CheckedContinuation<URL, any Error>?
    private var runs = 0

    /// - Parameter anchor: The window that the sheet belongs to.
    init(anchor: ASPresentationAnchor) {
        self.anchor = anchor
    }

    /// Opens `authURL` and returns when the browser comes back to `redirectURI`, which is the registered one, byte for byte.
    ///
    /// Cancelling the task closes the sheet. Throws the session's own error if it is no cancellation by the user.
    func link(authURL: URL, redirectURI: URL) async throws -> Ending {
        guard self.session == nil else { throw LinkError.alreadyRunning }
        try Task.checkCancellation()
        runs += 1
        let run = runs
        let session = try makeSession(authURL, redirectURI) { url, error in
            let answer = Result<URL, any Error> {
                guard let url else { throw error ?? LinkError.noAnswer }
                return url
            }
            // The system names no thread that it calls this on.
            Task { @MainActor in self.finish(run, answer) }
        }
        session.presentationContextProvider = self
        // The user may be signed in at Withings in Safari already, so its cookies are shared.
        session.prefersEphemeralWebBrowserSession = false
        self.session = session
        defer { self.session = nil }
        do {
            let url = try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    waiting = continuation
                    if !session.start() { finish(run, .failure(LinkError.noAnswer)) }
                }
            } onCancel: {
                Task { @MainActor in self.cancel(run) }
            }
            return Self.ending(of: url)
        } catch let error as ASWebAuthenticationSessionError where error.code == .canceledLogin {
            return .cancelled(reason: (error as NSError).localizedFailureReason)
        }
    }

    /// Reads the answer. It is the redirect URI, unchanged, if the user is connected.
    nonisolated static func ending(of url: URL) -> Ending {
        let items = URLComponents(url: url, resolvingAgainstBaseURL: false)?.queryItems ?? []
        if let code = items.first(where: { $0.name == "error" })?.value { return .refused(code: code) }
        if let ticket = items.first(where: { $0.name == "ticket" })?.value { return .needsConfirmation(ticket: ticket) }
        return .connected
    }

    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor { anchor }

    private func makeSession(
        _ url: URL, _ redirectURI: URL, _ done: @escaping @Sendable (URL?, (any Error)?) -> Void
    ) throws -> ASWebAuthenticationSession {
        let isWeb = redirectURI.scheme == "https"
        if #available(iOS 17.4, *) {
            let callback: ASWebAuthenticationSession.Callback =
                isWeb
                ? .https(host: redirectURI.host ?? "", path: redirectURI.path)
                : .customScheme(redirectURI.scheme ?? "")
            return ASWebAuthenticationSession(url: url, callback: callback, completionHandler: done)
        }
        guard !isWeb else { throw LinkError.httpsNeedsNewerSystem }
        return ASWebAuthenticationSession(url: url, callbackURLScheme: redirectURI.scheme, completionHandler: done)
    }

    private func cancel(_ run: Int) {
        guard run == runs, waiting != nil else { return }
        session?.cancel()
        finish(run, .failure(CancellationError()))
    }

    /// Resumes the waiting call once. What comes later, or from a link before, changes nothing.
    private func finish(_ run: Int, _ result: Result<URL, any Error>) {
        guard run == runs, let waiting else { return }
        self.waiting = nil
        waiting.resume(with: result)
    }
}
