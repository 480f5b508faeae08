package com.example.withings

import android.content.Context
import android.net.Uri
import androidx.browser.customtabs.CustomTabsIntent

/**
 * Links the signed-in user to Withings in a Custom Tab. The browser comes back to the redirect URI, which an intent filter of the app takes
 * (`AndroidManifest.xml`). A verified App Link (https) is taken by no other app; a custom scheme may be.
 */
object WithingsLink {
    /** How a link ended. */
    sealed interface Ending {
        data object Connected : Ending

        /** The connection waits: the backend has to confirm it with this ticket. */
        data class NeedsConfirmation(val ticket: String) : Ending

        /** `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed list. */
        data class Refused(val code: String) : Ending
    }

    /** Opens `authUrl`, which the app's backend got from `POST …/withings/connect-sessions`. */
    fun open(context: Context, authUrl: String) {
        CustomTabsIntent.Builder().setShareState(CustomTabsIntent.SHARE_STATE_OFF).build()
            .launchUrl(context, Uri.parse(authUrl))
    }

    /** Reads the URI of the intent that came back. It is the registered one, unchanged, where all went well. */
    fun endingOf(uri: Uri): Ending {
        uri.getQueryParameter("error")?.let { return Ending.Refused(it) }
        uri.getQueryParameter("ticket")?.let { return Ending.NeedsConfirmation(it) }
        return Ending.Connected
    }
}
