package com.example.withings

import android.content.ActivityNotFoundException
import android.content.Context
import android.content.Intent
import android.net.Uri
import androidx.activity.ComponentActivity
import androidx.browser.auth.AuthTabIntent
import androidx.browser.customtabs.CustomTabsClient
import androidx.browser.customtabs.CustomTabsIntent
import androidx.lifecycle.DefaultLifecycleObserver
import androidx.lifecycle.LifecycleOwner
import java.util.UUID

/**
 * Connects the signed-in user to Withings: opens a link of the broker, and says how it ended.
 * In an Auth Tab if the browser has it (Chrome 137), which hands the answer back itself; else in
 * a Custom Tab, whose answer is a new intent of the activity.
 *
 * Make it a property of the activity: an activity result is registered before the activity is
 * created.
 *
 * Google's reference (developer.android.com/reference): androidx.browser.auth.AuthTabIntent,
 * androidx.browser.customtabs.CustomTabsClient and CustomTabsIntent,
 * androidx.lifecycle.DefaultLifecycleObserver, android.content.SharedPreferences, java.util.UUID;
 * and the guide developer.chrome.com/docs/android/custom-tabs/guide-auth-tab.
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

        /**
         * `access_denied`, `already_connected`, `temporarily_unavailable`, …: the broker's closed
         * list. Decide by it, and show words of your own.
         */
        data class Refused(val code: String) : Ending

        /** The user closed the tab. A Custom Tab that was minimized may end otherwise later. */
        data object Cancelled : Ending

        /**
         * The answer has another address or `state` than this link. If each of them ends so, your
         * backend does not give `state` to the connect session.
         */
        data object NotRecognized : Ending

        /** The browser found no `assetlinks.json` that gives the https redirect URI to this app. */
        data class NotVerified(val timedOut: Boolean) : Ending

        /** The device has no browser. */
        data object NoBrowser : Ending
    }

    private val authTab =
        AuthTabIntent.registerActivityResultLauncher(activity) { result ->
            val ending =
                when (result.resultCode) {
                    AuthTabIntent.RESULT_OK -> result.resultUri?.let(::take) ?: Ending.Cancelled
                    AuthTabIntent.RESULT_VERIFICATION_FAILED -> Ending.NotVerified(false)
                    AuthTabIntent.RESULT_VERIFICATION_TIMED_OUT -> Ending.NotVerified(true)
                    else -> Ending.Cancelled
                }
            onEnding(ending)
        }

    private enum class CustomTab { CLOSED, OPENING, OPEN }

    private var customTab = CustomTab.CLOSED

    /**
     * Keeps the `state` of the link that is open: the system may end the app behind a Custom Tab.
     * `lazy`: an activity has no preferences before it is created.
     */
    private val kept by lazy {
        activity.getSharedPreferences("withings_link", Context.MODE_PRIVATE)
    }

    init {
        // A new intent comes before `onResume`: a Custom Tab that is left without one was closed
        // by the user.
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

    /**
     * Opens the link that [authUrl] makes with a random `state`, by which its answer is recognized
     * (RFC 6749, 10.12): your backend gives `state` to `POST …/withings/connect-sessions`.
     *
     * What [authUrl] throws comes through.
     */
    suspend fun open(authUrl: suspend (state: String) -> String) {
        val state = UUID.randomUUID().toString()
        val url = Uri.parse(authUrl(state))
        kept.edit().putString(STATE, state).apply()
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

    /**
     * Takes the answer of a Custom Tab: call it in `onNewIntent`, and in `onCreate` for an
     * activity that it starts. An answer is taken once.
     */
    fun receive(intent: Intent) {
        val ending = take(intent.data ?: return)
        // Any app and any page can send an intent: one that no open link asked for does nothing.
        if (ending == Ending.NotRecognized && customTab == CustomTab.CLOSED) return
        customTab = CustomTab.CLOSED
        onEnding(ending)
    }

    /** Reads the answer: the redirect URI with `state`, and `error` or `ticket` if there is one. */
    private fun take(answer: Uri): Ending {
        val isRedirectUri =
            answer.scheme == redirectUri.scheme &&
                answer.authority == redirectUri.authority &&
                answer.path == redirectUri.path
        // `Uri` reads the query of hierarchical URIs alone, and a custom scheme need not be one.
        val query = Uri.parse("https://answer/?" + answer.toString().substringAfter('?', ""))
        val state = kept.getString(STATE, null)
        if (!isRedirectUri || state == null || query.getQueryParameter("state") != state) {
            return Ending.NotRecognized
        }
        kept.edit().remove(STATE).apply()
        query.getQueryParameter("error")?.let { return Ending.Refused(it) }
        query.getQueryParameter("ticket")?.let { return Ending.NeedsConfirmation(it) }
        return Ending.Connected
    }

    private companion object {
        const val STATE = "state"
    }
}
