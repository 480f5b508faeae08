import UIKit

/// What your own backend does for the app. It holds the API key.
protocol Backend: Sendable {
    /// For the person who is signed in: `auth_url` of `POST …/withings/connect-sessions`, which the
    /// backend calls with this `state`.
    func withingsLink(state: String) async throws -> URL
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
        guard let window = view.window,
            let redirectURI = URL(string: "womoji://withings/success")
        else { return }
        do {
            let withings = WithingsLink(anchor: window)
            let authURL = try await backend.withingsLink(state: withings.state)
            let ending = try await withings.link(authURL: authURL, redirectURI: redirectURI)
            switch ending {
            case .connected:
                try await sync()
            case .needsConfirmation(let ticket):
                try await backend.confirmWithings(ticket: ticket)
                try await sync()
            case .refused(let code):
                title = words(for: code)
            case .cancelled(let reason):
                title = reason ?? "Not connected"
            }
        } catch {
            title = error.localizedDescription
        }
    }

    /// The broker's codes are for code: people get words.
    private func words(for code: String) -> String {
        switch code {
        case "access_denied": return "You did not allow access, so nothing is connected"
        case "already_connected": return "Disconnect the other Withings account first"
        case "account_in_use": return "This Withings account belongs to another user"
        default: return "Not connected. Try again."
        }
    }

    private func sync() async throws {
        title = "Reading your measurements…"
        let isComplete = try await broker.syncAll()
        title = isComplete ? "Up to date" : "Connected. The rest comes by itself."
    }
}
// end
