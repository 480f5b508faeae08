package com.example.withings

import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.util.Log
import androidx.activity.ComponentActivity
import androidx.lifecycle.lifecycleScope
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.launch

/** What your own backend does for the app. It holds the API key. */
interface Backend {
    /**
     * For the person who is signed in: `auth_url` of `POST …/withings/connect-sessions`, which the
     * backend calls with this `state`.
     */
    suspend fun withingsLink(state: String): String

    /** `POST …/withings/confirm` for the person who is signed in. */
    suspend fun confirmWithings(ticket: String)
}

/** Your `Application` implements this: it is there before the system makes an activity. */
interface Services {
    val backend: Backend
    val broker: BrokerClient
}

// part: connect
/** A screen that connects the person who is signed in. */
class ConnectActivity : ComponentActivity() {
    // `lazy`: an activity has its application from `onCreate` on, where an answer may come.
    private val services by lazy { application as Services }

    private val withings =
        WithingsLink(this, Uri.parse("womoji://withings/success")) { ending ->
            attempt { show(ending) }
        }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        // If the system ended the app behind a Custom Tab, the answer starts the activity.
        withings.receive(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        withings.receive(intent)
    }

    /** Call it where the user presses "Connect". */
    fun connect() = attempt { withings.open { state -> services.backend.withingsLink(state) } }

    /** Shows that a step failed: an exception that leaves a coroutine would end the app. */
    private fun attempt(step: suspend () -> Unit) {
        lifecycleScope.launch {
            try {
                step()
            } catch (cancelled: CancellationException) {
                throw cancelled
            } catch (cause: Exception) {
                Log.w("ConnectActivity", cause)
                title = "This did not work. Try again."
            }
        }
    }

    private suspend fun show(ending: WithingsLink.Ending) {
        when (ending) {
            is WithingsLink.Ending.Connected -> sync()
            is WithingsLink.Ending.NeedsConfirmation -> {
                services.backend.confirmWithings(ending.ticket)
                sync()
            }
            is WithingsLink.Ending.Refused -> title = wordsFor(ending.code)
            is WithingsLink.Ending.Cancelled -> title = "Not connected"
            is WithingsLink.Ending.NotRecognized -> title = "Not connected. Try again."
            is WithingsLink.Ending.NotVerified -> title = "The redirect URI is not this app's"
            is WithingsLink.Ending.NoBrowser -> title = "Install a browser to connect"
        }
    }

    /** The broker's codes are for code: people get words. */
    private fun wordsFor(code: String): String =
        when (code) {
            "access_denied" -> "You did not allow access, so nothing is connected"
            "already_connected" -> "Disconnect the other Withings account first"
            "account_in_use" -> "This Withings account belongs to another user"
            else -> "Not connected. Try again."
        }

    private suspend fun sync() {
        title = "Reading your measurements…"
        title =
            when (val answer = services.broker.syncAll()) {
                is BrokerClient.Answer.Value ->
                    if (answer.body.getBoolean("complete")) "Up to date"
                    else "Connected. The rest comes by itself."
                is BrokerClient.Answer.Problem ->
                    if (answer.code == "reauth_required") "Withings asks for your consent again"
                    else "Connected. Reading did not work: try again later."
                is BrokerClient.Answer.Unreachable -> "Connected. The broker cannot be reached."
                is BrokerClient.Answer.Unexpected -> "Connected. The broker cannot be reached."
            }
    }
}
// end
