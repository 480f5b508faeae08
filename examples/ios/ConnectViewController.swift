import UIKit

/// What your own backend does for the app. It holds the API key.
protocol Backend: Sendable {
    /// For the person who is signed in: `auth_url` of `POST …/withings/connect-sessions`.
    func withingsLink() async throws -> URL
    /// `POST …/withings/confirm` for the person who is signed in.
    func confirmWithings(ticket: String) async throws
}

// part: connect
/// A screen that connects the person who is signed in.
final class ConnectViewController: UIViewController {
    private let backend: any Backend
    private let broker: BrokerClient

    init(backend: any Backend, broker: BrokerClient) {
        self.backend = backend
        self.broker = broker
        super.init(nibName: nil, bundle: nil)
    }

    required init?(coder: NSCoder) {
        fatalError("This screen is made in code.")
    }

    /// Call it where the user presses "Connect".
    func connect() async {
        guard let window = view.window, let redirectURI = URL(string: "womoji://withings/success") else { return }
        do {
            let authURL = try await backend.withingsLink()
            switch try await WithingsLink(anchor: window).link(authURL: authURL, redirectURI: redirectURI) {
            case .connected:
                try await broker.syncAll()
            case .needsConfirmation(let ticket):
                try await backend.confirmWithings(ticket: ticket)
                try await broker.syncAll()
            case .refused(let code):
                title = "Not connected: \(code)"
            case .cancelled(let reason):
                title = reason ?? "Not connected"
            }
        } catch {
            title = error.localizedDescription
        }
    }
}
// end
