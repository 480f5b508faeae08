package com.example.withings

import android.content.Intent
import android.net.Uri
import android.os.Bundle
import androidx.activity.ComponentActivity
import androidx.lifecycle.lifecycleScope
import kotlinx.coroutines.launch

/** What your own backend does for the app. It holds the API key. */
interface Backend {
    /** For the person who is signed in: `auth_url` of `POST …/withings/connect-sessions`. */
    suspend fun withingsLink(): String

    /** `POST …/withings/confirm` for the person who is signed in. */
    suspend fun confirmWithings(ticket: String)
}

// part: connect
/** A screen that connects the person who is signed in. */
class ConnectActivity : ComponentActivity() {
    lateinit var backend: Backend
    lateinit var broker: BrokerClient

    private val withings =
        WithingsLink(this, Uri.parse("womoji://withings/success")) { ending ->
            lifecycleScope.launch { show(ending) }
        }

    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        // If the system ended the app behind a Custom Tab, the answer starts the activity.
        if (savedInstanceState == null) withings.receive(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        withings.receive(intent)
    }

    /** Call it where the user presses "Connect". */
    fun connect() {
        lifecycleScope.launch { withings.open(backend.withingsLink()) }
    }

    private suspend fun show(ending: WithingsLink.Ending) {
        when (ending) {
            is WithingsLink.Ending.Connected -> broker.syncAll()
            is WithingsLink.Ending.NeedsConfirmation -> {
                backend.confirmWithings(ending.ticket)
                broker.syncAll()
            }
            is WithingsLink.Ending.Refused -> title = "Not connected: ${ending.code}"
            is WithingsLink.Ending.Cancelled -> title = "Not connected"
            is WithingsLink.Ending.NotVerified -> title = "The redirect URI is not verified as this app's"
            is WithingsLink.Ending.NoBrowser -> title = "Install a browser to connect"
        }
    }
}
// end
