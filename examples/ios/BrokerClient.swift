import Foundation

/// One user's data, read with that user's token. Needs iOS 15; it can be used from any task.
///
/// Apple's reference: `URLSession.data(for:delegate:)`, URLError and LocalizedError
/// (developer.apple.com/documentation/foundation), `Task.sleep(nanoseconds:)`
/// (developer.apple.com/documentation/swift/task).
struct BrokerClient: Sendable {
    let url: URL
    let appID: String
    let userID: String
    /// Asks your backend for a user token; called again when one has expired.
    let userToken: @Sendable (_ expired: Bool) async throws -> String

    /// What the broker says is wrong (RFC 9457). Decide by `code`.
    struct Problem: Error, Decodable, Sendable {
        let code: String
        let title: String
        let detail: String
        let status: Int
        let requestID: String

        enum CodingKeys: String, CodingKey {
            case code, title, detail, status
            case requestID = "request_id"
        }
    }

    enum CallError: LocalizedError {
        case problem(Problem, retryAfterSeconds: Int?)
        case unreachable(URLError)
        case unexpectedAnswer(status: Int)

        var errorDescription: String? {
            switch self {
            case .problem(let problem, _): return problem.title
            case .unreachable(let error): return error.localizedDescription
            case .unexpectedAnswer: return "The broker cannot be reached."
            }
        }
    }

    struct Status: Decodable, Sendable { let connected: Bool }

    struct SyncResult: Decodable, Sendable {
        let added: Int
        let changed: Int
        let removed: Int
        /// False while a long history is being read: call again.
        let complete: Bool
        /// Everything measured since then is stored; nil if nothing older is left to read.
        let historyCompleteFrom: String?

        enum CodingKeys: String, CodingKey {
            case added, changed, removed, complete
            case historyCompleteFrom = "history_complete_from"
        }
    }

    struct Metric: Decodable, Sendable {
        let metric: String
        let value: Double
        let unit: String
        let measuredAt: String

        enum CodingKeys: String, CodingKey {
            case metric, value, unit
            case measuredAt = "measured_at"
        }
    }

    private struct Latest: Decodable, Sendable { let data: [String: Metric] }

    func status() async throws -> Status { try await send("GET", "withings/status") }

    /// Pulls until everything is stored, and returns true; or until nothing new comes any more, and
    /// returns false: then the broker goes on by itself. The newest values are there after the
    /// first call: `onProgress` may show them.
    ///
    /// If the broker asks for a pause (`Retry-After`), it waits exactly so long, and throws the
    /// problem if all pauses together would be longer than `patience` seconds. Cancelling the task
    /// ends it.
    @discardableResult
    func syncAll(
        patience: Int = 300, onProgress: @Sendable (SyncResult) async -> Void = { _ in }
    ) async throws -> Bool {
        var reached: String?
        var idle = 0
        var waited = 0
        while idle < 3 {
            do {
                let result: SyncResult = try await send("POST", "withings/sync")
                await onProgress(result)
                if result.complete { return true }
                let isNews =
                    result.added + result.changed + result.removed > 0
                    || result.historyCompleteFrom != reached
                reached = result.historyCompleteFrom
                idle = isNews ? 0 : idle + 1
                if idle > 0 { try await Task.sleep(nanoseconds: 2_000_000_000) }
            } catch CallError.problem(_, let pause?)
                where pause >= 0 && pause <= patience - waited
            {
                waited += max(pause, 1)
                try await Task.sleep(nanoseconds: UInt64(max(pause, 1)) * 1_000_000_000)
            }
        }
        return false
    }

    func latest() async throws -> [String: Metric] {
        let latest: Latest = try await send("GET", "metrics", suffix: "/latest")
        return latest.data
    }

    private func send<Value: Decodable & Sendable>(
        _ method: String, _ kind: String, suffix: String = ""
    ) async throws -> Value {
        do {
            return try await sendOnce(method, kind, suffix, expired: false)
        } catch CallError.problem(let problem, _) where problem.code == "invalid_api_key" {
            return try await sendOnce(method, kind, suffix, expired: true)
        }
    }

    private func sendOnce<Value: Decodable & Sendable>(
        _ method: String, _ kind: String, _ suffix: String, expired: Bool
    ) async throws -> Value {
        // A path segment: `urlPathAllowed` would let a slash through.
        let unreserved = CharacterSet.alphanumerics.union(.init(charactersIn: "-._~"))
        guard let segment = userID.addingPercentEncoding(withAllowedCharacters: unreserved),
            let target = URL(string: "/apps/\(appID)/\(kind)/\(segment)\(suffix)", relativeTo: url)
        else { throw CallError.unexpectedAnswer(status: 0) }
        var request = URLRequest(url: target)
        request.httpMethod = method
        let token = try await userToken(expired)
        request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        let (data, response): (Data, URLResponse)
        do {
            (data, response) = try await URLSession.shared.data(for: request)
        } catch let error as URLError {
            throw CallError.unreachable(error)
        }
        guard let answer = response as? HTTPURLResponse else {
            throw CallError.unexpectedAnswer(status: 0)
        }
        if (200..<300).contains(answer.statusCode) {
            return try JSONDecoder().decode(Value.self, from: data)
        }
        guard let problem = try? JSONDecoder().decode(Problem.self, from: data) else {
            throw CallError.unexpectedAnswer(status: answer.statusCode)
        }
        let pause = answer.value(forHTTPHeaderField: "Retry-After").flatMap(Int.init)
        throw CallError.problem(problem, retryAfterSeconds: pause)
    }
}
