package com.example.withings

import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import androidx.activity.ComponentActivity
import androidx.browser.auth.AuthTabIntent
import androidx.browser.customtabs.CustomTabsClient
import androidx.browser.customtabs.CustomTabsIntent
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.LifecycleOwner

/**
 * Connects the signed-in user to Withings: opens a link of the broker, and says how it ended. In an Auth Tab if the browser has it
 * (Chrome 137), which hands the answer back itself; else in a Custom Tab, whose answer is a new intent of the activity.
 *
 * Make it a property of the activity: an activity result is registered before the activity is created.
 *
 * Google's reference: androidx.browser.auth.AuthTabIntent, androidx.browser.customtabs.CustomTabsClient and CustomTabsIntent,
 * androidx.lifecycle.DefaultLifecycleObserver (developer.android.com/reference), and the guide
 * developer.chrome.com/docs/android/custom-tabs/guide-auth-tab.
 */
class WithingsLink(
    private val activity: ComponentActivity,
    /** The registered URI, byte for byte. */
    private val redirectUri: Uri,
    private val onEnding: (Ending) -> Unit,
) {
    /** How a link ended. */
    sealed interface Ending {
        data object Connected : Ending

        /** The connection waits: your backend has to confirm it with this ticket. */
        data class NeedsConfirmation(val ticket: String) : Ending

        /** `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed list. */
        data class Refused(val code: String) : Ending

        /** The user closed the tab. A Custom Tab that was only minimized may end otherwise later. */
        data object Cancelled : Ending

        /** The browser found no `assetlinks.json` that gives the https redirect URI to this app, or not in time. */
        data class NotVerified(val timedOut: Boolean) : Ending

        /** The device has no browser. */
        data object NoBrowser : Ending
    }

    private val authTab =
        AuthTabIntent.registerActivityResultLauncher(activity) { result ->
            when (result.resultCode) {
                AuthTabIntent.RESULT_OK -> onEnding(result.resultUri?.let(::endingOf) ?: Ending.Cancelled)
                AuthTabIntent.RESULT_VERIFICATION_FAILED -> onEnding(Ending.NotVerified(timedOut = false))
                AuthTabIntent.RESULT_VERIFICATION_TIMED_OUT -> onEnding(Ending.NotVerified(timedOut = true))
                else -> onEnding(Ending.Cancelled)
            }
        }

    private enum class CustomTab { CLOSED, OPENING, OPEN }

    private var customTab = CustomTab.CLOSED

    init {
        // A new intent comes before `onResume`: a Custom Tab that is left without one was closed by the user.
        activity.lifecycle.addObserver(
            object : DefaultLifecycleObserver {
                override fun onPause(owner: LifecycleOwner) {
                    if (customTab == CustomTab.OPENING) customTab = CustomTab.OPEN
                }

                override fun onResume(owner: LifecycleOwner) {
                    if (customTab != CustomTab.OPEN) return
                    customTab = CustomTab.CLOSED
                    onEnding(Ending.Cancelled)
                }
            }
        )
    }

    /** Opens `authUrl`, which your backend got from `POST …/withings/connect-sessions`. */
    fun open(authUrl: String) {
        val url = Uri.parse(authUrl)
        val browser = CustomTabsClient.getPackageName(activity, emptyList<String>())
        try {
            if (browser != null && CustomTabsClient.isAuthTabSupported(activity, browser)) {
                openAuthTab(browser, url)
            } else {
                customTab = CustomTab.OPENING
                CustomTabsIntent.Builder().setShareState(CustomTabsIntent.SHARE_STATE_OFF).build()
                    .launchUrl(activity, url)
            }
        } catch (_: ActivityNotFoundException) {
            customTab = CustomTab.CLOSED
            onEnding(Ending.NoBrowser)
        }
    }

    private fun openAuthTab(browser: String, url: Uri) {
        val tab = AuthTabIntent.Builder().build()
        tab.intent.setPackage(browser)
        if (redirectUri.scheme == "https") {
            tab.launch(authTab, url, redirectUri.host.orEmpty(), redirectUri.path.orEmpty())
        } else {
            tab.launch(authTab, url, redirectUri.scheme.orEmpty())
        }
    }

    /** Takes the answer of a Custom Tab: call it in `onNewIntent`, and in `onCreate` for an activity that it starts. */
    fun receive(intent: Intent) {
        val answer = intent.data ?: return
        val isOurs =
            answer.scheme == redirectUri.scheme && answer.host == redirectUri.host && answer.path == redirectUri.path
        if (!isOurs) return
        customTab = CustomTab.CLOSED
        onEnding(endingOf(answer))
    }

    companion object {
        /** Reads the answer. It is the redirect URI, unchanged, if the user is connected. */
        fun endingOf(answer: Uri): Ending {
            // `Uri` reads the query of hierarchical URIs alone, and a custom scheme need not be one.
            val query = Uri.parse("https://answer/?" + answer.toString().substringAfter('?', ""))
            query.getQueryParameter("error")?.let { return Ending.Refused(it) }
            query.getQueryParameter("ticket")?.let { return Ending.NeedsConfirmation(it) }
            return Ending.Connected
        }
    }
}
