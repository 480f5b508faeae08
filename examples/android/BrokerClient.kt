package com.example.withings

import android.net.Uri
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.delay
import kotlinx.coroutines.withContext
import org.json.JSONException
import org.json.JSONObject

/**
 * One user's data, read with that user's token, which the app's backend makes.
 *
 * References: java.net.HttpURLConnection, org.json.JSONObject (developer.android.com/reference),
 * and kotlinx.coroutines (kotlinlang.org/api/kotlinx.coroutines).
 */
class BrokerClient(
    private val url: String,
    private val appId: String,
    private val userId: String,
    /** Asks the backend for a user token; called again when one has expired. */
    private val userToken: suspend (expired: Boolean) -> String,
) {
    /** What the broker says, or why it said nothing. */
    sealed interface Answer {
        data class Value(val body: JSONObject) : Answer

        /** RFC 9457. Decide by `code`; tell the operator `requestId`. */
        data class Problem(
            val code: String,
            val detail: String,
            val status: Int,
            val requestId: String,
            val retryAfterSeconds: Int?,
        ) : Answer

        data class Unreachable(val cause: IOException) : Answer
        data class Unexpected(val status: Int) : Answer
    }

    suspend fun status(): Answer = send("GET", "withings/status/$user")

    /** `complete` is false while a long history is being read: call again. */
    suspend fun sync(): Answer = send("POST", "withings/sync/$user")

    /**
     * Pulls until everything is stored, or nothing new comes any more; then the broker goes on by
     * itself. The newest values are there after the first call: `onProgress` may show them.
     *
     * If the broker asks for a pause (`Retry-After`), it waits exactly so long, and returns the
     * problem if all pauses together would be longer than `patienceSeconds`. Cancelling the
     * coroutine ends it.
     */
    suspend fun syncAll(
        patienceSeconds: Int = 300,
        onProgress: suspend (JSONObject) -> Unit = {},
    ): Answer {
        var reached: String? = null
        var idle = 0
        var waited = 0
        while (true) {
            val answer = sync()
            if (answer is Answer.Value) {
                onProgress(answer.body)
                val news = listOf("added", "changed", "removed").sumOf { answer.body.getInt(it) }
                val from = answer.body.optString("history_complete_from")
                idle = if (news > 0 || from != reached) 0 else idle + 1
                reached = from
                if (answer.body.getBoolean("complete") || idle >= 3) return answer
                if (idle > 0) delay(IDLE_PAUSE_MS)
            } else {
                val asked = (answer as? Answer.Problem)?.retryAfterSeconds ?: return answer
                val pause = asked.coerceAtLeast(1)
                if (pause > patienceSeconds - waited) return answer
                waited += pause
                delay(pause * 1000L)
            }
        }
    }

    suspend fun latest(): Answer = send("GET", "metrics/$user/latest")

    private val user = Uri.encode(userId)

    private suspend fun send(method: String, path: String): Answer {
        val answer = sendOnce(method, path, userToken(false))
        val expired = answer is Answer.Problem && answer.code == "invalid_api_key"
        return if (expired) sendOnce(method, path, userToken(true)) else answer
    }

    private suspend fun sendOnce(method: String, path: String, token: String): Answer =
        withContext(Dispatchers.IO) {
            try {
                val connection = URL("$url/apps/$appId/$path").openConnection() as HttpURLConnection
                try {
                    connection.requestMethod = method
                    connection.connectTimeout = CONNECT_TIMEOUT_MS
                    connection.readTimeout = READ_TIMEOUT_MS
                    connection.setRequestProperty("Authorization", "Bearer $token")
                    connection.setRequestProperty("Accept", "application/json")
                    read(connection)
                } finally {
                    connection.disconnect()
                }
            } catch (cause: IOException) {
                Answer.Unreachable(cause)
            }
        }

    private fun read(connection: HttpURLConnection): Answer {
        val status = connection.responseCode
        val stream = if (status < 400) connection.inputStream else connection.errorStream
        val text = stream?.bufferedReader()?.use { it.readText() }.orEmpty()
        return try {
            val body = JSONObject(text)
            if (status < 300) return Answer.Value(body)
            Answer.Problem(
                code = body.getString("code"),
                detail = body.getString("detail"),
                status = status,
                requestId = body.getString("request_id"),
                retryAfterSeconds = connection.getHeaderField("Retry-After")?.toIntOrNull(),
            )
        } catch (_: JSONException) {
            Answer.Unexpected(status)
        }
    }

    private companion object {
        const val CONNECT_TIMEOUT_MS = 10_000
        /** A sync waits for Withings. */
        const val READ_TIMEOUT_MS = 60_000
        const val IDLE_PAUSE_MS = 2_000L
    }
}
