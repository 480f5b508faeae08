import AuthenticationServices

/// Connects the signed-in user to Withings: opens a link of the broker in a sheet, and says how it
/// ended. Needs iOS 15. Make one for each link.
///
/// A custom scheme as redirect URI works in every version, and needs no entry in Info.plist. An
/// https address needs iOS 17.4 and the associated domain `webcredentials:HOST` of the app; no
/// other app can take it.
///
/// Apple's reference (developer.apple.com/documentation): in authenticationservices,
/// ASWebAuthenticationSession, its `init(url:callback:completionHandler:)` and
/// `init(url:callbackURLScheme:completionHandler:)`, ASWebAuthenticationSession.Callback with its
/// `matchesURL(_:)`, ASWebAuthenticationPresentationContextProviding; in foundation, URLComponents,
/// UUID, LocalizedError, and URL's `host(percentEncoded:)` and `path(percentEncoded:)`.
@MainActor
final class WithingsLink: NSObject, ASWebAuthenticationPresentationContextProviding {
    enum Ending: Equatable, Sendable {
        case connected
        /// The connection waits: your backend has to confirm it with this ticket.
        case needsConfirmation(ticket: String)
        /// `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed
        /// list. Decide by it, and show words of your own.
        case refused(code: String)
        /// The user closed the sheet. A reason comes from the system, such as an associated domain
        /// that is missing.
        case cancelled(reason: String?)
    }

    enum LinkError: LocalizedError {
        /// One link at a time.
        case alreadyRunning
        /// An https redirect URI needs iOS 17.4: register a custom scheme for older versions.
        case httpsNeedsNewerSystem
        /// The system opened no sheet, or ended it without saying why.
        case noAnswer
        /// The answer has another address or `state` than this link. If each of them ends so, your
        /// backend does not give `state` to the connect session.
        case notRecognized

        var errorDescription: String? {
            switch self {
            case .alreadyRunning: return "A link is open already."
            case .httpsNeedsNewerSystem: return "This needs iOS 17.4."
            case .noAnswer, .notRecognized: return "Not connected. Try again."
            }
        }
    }

    /// A random value that comes back with the answer (RFC 6749, 10.12): your backend gives it to
    /// `POST …/withings/connect-sessions`.
    let state = UUID().uuidString

    private let anchor: ASPresentationAnchor
    private var session: ASWebAuthenticationSession?
    private var waiting: CheckedContinuation<URL, any Error>?
    private var runs = 0

    /// - Parameter anchor: The window that the sheet belongs to.
    init(anchor: ASPresentationAnchor) {
        self.anchor = anchor
    }

    /// Opens `authURL`, which was made with `state`, and returns when the browser comes back to
    /// `redirectURI`, which is the registered one, byte for byte.
    ///
    /// Cancelling the task closes the sheet. Throws the session's own error if it is no
    /// cancellation by the user.
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
            return try ending(of: url, redirectURI)
        } catch let error as ASWebAuthenticationSessionError where error.code == .canceledLogin {
            return .cancelled(reason: (error as NSError).localizedFailureReason)
        }
    }

    /// Reads the answer: the redirect URI with `state`, and `error` or `ticket` if there is one.
    private func ending(of url: URL, _ redirectURI: URL) throws -> Ending {
        // A custom scheme ends the sheet at any host and path, and another page may use it.
        guard let answer = URLComponents(url: url, resolvingAgainstBaseURL: false),
            let expected = URLComponents(url: redirectURI, resolvingAgainstBaseURL: false),
            answer.scheme == expected.scheme, answer.host == expected.host,
            answer.port == expected.port, answer.path == expected.path
        else { throw LinkError.notRecognized }
        func value(_ name: String) -> String? {
            answer.queryItems?.first { $0.name == name }?.value
        }
        guard value("state") == state else { throw LinkError.notRecognized }
        if let code = value("error") { return .refused(code: code) }
        if let ticket = value("ticket") { return .needsConfirmation(ticket: ticket) }
        return .connected
    }

    func presentationAnchor(for _: ASWebAuthenticationSession) -> ASPresentationAnchor { anchor }

    private func makeSession(
        _ url: URL, _ redirectURI: URL, _ done: @escaping @Sendable (URL?, (any Error)?) -> Void
    ) throws -> ASWebAuthenticationSession {
        let scheme = redirectURI.scheme ?? ""
        if #available(iOS 17.4, *) {
            let callback: ASWebAuthenticationSession.Callback =
                scheme == "https" ? httpsCallback(redirectURI) : .customScheme(scheme)
            return ASWebAuthenticationSession(url: url, callback: callback, completionHandler: done)
        }
        guard scheme != "https" else { throw LinkError.httpsNeedsNewerSystem }
        return ASWebAuthenticationSession(
            url: url, callbackURLScheme: scheme, completionHandler: done)
    }

    /// `URL.path` would drop a slash at the end. Apple does not say whether it compares the path as
    /// it is written or decoded, so the callback's own check chooses.
    @available(iOS 17.4, *)
    private func httpsCallback(_ redirectURI: URL) -> ASWebAuthenticationSession.Callback {
        let host = redirectURI.host(percentEncoded: true) ?? ""
        let written = ASWebAuthenticationSession.Callback.https(
            host: host, path: redirectURI.path(percentEncoded: true))
        let decoded = ASWebAuthenticationSession.Callback.https(
            host: host, path: redirectURI.path(percentEncoded: false))
        let isDecoded = !written.matchesURL(redirectURI) && decoded.matchesURL(redirectURI)
        return isDecoded ? decoded : written
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
