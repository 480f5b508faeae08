import type { LinkPolicy } from '../../domain/app.ts';

/** The app's values in a snippet. */
export type SnippetValues = {
  /** Origin of the broker. */
  origin: string;
  appId: string;
  /** The app's registered URIs. */
  uris: readonly string[];
  linkPolicy: LinkPolicy;
};

export type Snippet = { platform: string; language: string; code: string };

/** Code to paste for each platform, by link policy: under `session` the link comes from the app's own backend. */
export const snippetsFor = (values: SnippetValues): Snippet[] => [
  { platform: 'iOS', language: 'Swift', code: swift(values) },
  { platform: 'Android', language: 'Kotlin', code: kotlin(values) },
  { platform: 'Web', language: 'JavaScript', code: web(values) },
  { platform: 'Backend', language: 'shell', code: backend(values) },
];

const isWeb = (uri: string): boolean => /^https?:/.test(uri);

/** The URI for an app on a phone: its own scheme, if it has registered one. */
const phoneUri = ({ uris }: SnippetValues): string =>
  uris.find((uri) => !isWeb(uri)) ?? uris[0] ?? 'com.example.app:/withings/done';

const webUri = ({ uris }: SnippetValues): string => uris.find(isWeb) ?? 'https://app.example.com/withings/done';

/** JSON's quoting is enough for any registered URI in all these languages, except that Kotlin also reads a dollar. */
const quoted = (text: string): string => JSON.stringify(text);
const kotlinQuoted = (text: string): string => quoted(text).replaceAll('$', '\\$');

const authUrl = ({ origin, appId }: SnippetValues): string => `${origin}/apps/${appId}/withings/auth`;

const swift = (values: SnippetValues): string => {
  const uri = phoneUri(values);
  const callback = isWeb(uri)
    ? `.https(host: ${quoted(new URL(uri).hostname)}, path: ${quoted(new URL(uri).pathname)})`
    : `.customScheme(${quoted(uri.slice(0, uri.indexOf(':')))})`;
  const link =
    values.linkPolicy === 'session'
      ? `        // Your backend creates the link: POST …/withings/connect-sessions
        let link = try await yourBackend.withingsLink()`
      : `        var parts = URLComponents(string: ${quoted(authUrl(values))})!
        parts.queryItems = [
            URLQueryItem(name: "user_id", value: userId),
            URLQueryItem(name: "redirect_uri", value: ${quoted(uri)}),
        ]
        // URLComponents leaves a plus as it is, and in a query that is a space.
        parts.percentEncodedQuery = parts.percentEncodedQuery?.replacingOccurrences(of: "+", with: "%2B")
        let link = parts.url!`;
  return `import AuthenticationServices

@MainActor
final class WithingsLink: NSObject, ASWebAuthenticationPresentationContextProviding {
    struct Refused: Error { let reason: String }
    private var session: ASWebAuthenticationSession?

    /// Connects the person who is signed in to your app as \`userId\`.
    func connect(userId: String) async throws {
${link}
        let answer: URL = try await withCheckedThrowingContinuation { done in
            let session = ASWebAuthenticationSession(
                url: link,
                callback: ${callback}
            ) { url, error in
                if let url { done.resume(returning: url) } else { done.resume(throwing: error!) }
            }
            session.presentationContextProvider = self
            self.session = session
            session.start()
        }
        let values = URLComponents(url: answer, resolvingAgainstBaseURL: false)?.queryItems ?? []
        if let reason = values.first(where: { $0.name == "error" })?.value { throw Refused(reason: reason) }${swiftTicket(values)}
    }

    func presentationAnchor(for session: ASWebAuthenticationSession) -> ASPresentationAnchor {
        ASPresentationAnchor()
    }
}`;
};

const swiftTicket = ({ linkPolicy }: SnippetValues): string =>
  linkPolicy === 'confirm'
    ? `
        // There is no sync until your backend confirms this ticket: POST …/withings/confirm
        let ticket = values.first(where: { $0.name == "ticket" })?.value
        try await yourBackend.confirmWithings(ticket: ticket)`
    : '';

const kotlin = (values: SnippetValues): string => {
  const uri = phoneUri(values);
  const { protocol, host, pathname } = new URL(uri);
  const where = [
    `android:scheme=${quoted(protocol.slice(0, -1))}`,
    ...(host === '' ? [] : [`android:host=${quoted(host)}`]),
    ...(pathname === '' ? [] : [`android:path=${quoted(pathname)}`]),
  ];
  const link =
    values.linkPolicy === 'session'
      ? `    // Your backend creates the link: POST …/withings/connect-sessions
    val link = Uri.parse(yourBackend.withingsLink())`
      : `    val link = Uri.parse(${kotlinQuoted(authUrl(values))}).buildUpon()
        .appendQueryParameter("user_id", userId)
        .appendQueryParameter("redirect_uri", ${kotlinQuoted(uri)})
        .build()`;
  return `import android.content.Context
import android.net.Uri
import androidx.browser.customtabs.CustomTabsIntent

/** Connects the person who is signed in to your app as [userId]. */
fun connectWithings(context: Context, userId: String) {
${link}
    CustomTabsIntent.Builder().build().launchUrl(context, link)
}

/** Call it with the intent's data when the browser returns; null on success. */
fun refusalOf(answer: Uri): String? = answer.getQueryParameter("error")

// AndroidManifest.xml, in the activity that the browser returns to:
// <intent-filter>
//   <action android:name="android.intent.action.VIEW" />
//   <category android:name="android.intent.category.DEFAULT" />
//   <category android:name="android.intent.category.BROWSABLE" />
//   <data ${where.join(' ')} />
// </intent-filter>`;
};

const web = (values: SnippetValues): string =>
  values.linkPolicy === 'session'
    ? `// Your backend creates the link: POST …/withings/connect-sessions
const { auth_url } = await (await fetch('/your-backend/withings-link', { method: 'POST' })).json();
location.assign(auth_url);

${webReturn(values)}`
    : `const link = new URL(${quoted(authUrl(values))});
link.searchParams.set('user_id', userId);
link.searchParams.set('redirect_uri', ${quoted(webUri(values))});
location.assign(link);

${webReturn(values)}`;

const webReturn = (values: SnippetValues): string => `// On ${webUri(values)}:
const answer = new URLSearchParams(location.search);
const refusal = answer.get('error'); // null on success${
  values.linkPolicy === 'confirm'
    ? `
const ticket = answer.get('ticket'); // for your backend: POST …/withings/confirm`
    : ''
}`;

const backend = (values: SnippetValues): string => {
  const base = `${values.origin}/apps/${values.appId}`;
  const link =
    values.linkPolicy === 'session'
      ? `# A link for one user, valid once
curl -X POST ${base}/withings/connect-sessions \\
  -H "X-API-Key: $MUSHU_API_KEY" -H 'Content-Type: application/json' \\
  -d '{"user_id":"USER","redirect_uri":${quoted(values.uris[0] ?? webUri(values))}}'

`
      : '';
  return `${link}# Pull what is new
curl -X POST ${base}/withings/sync/USER -H "X-API-Key: $MUSHU_API_KEY"

# Read it
curl "${base}/metrics/USER?metric=weight,bmi,fat_ratio,muscle_mass" -H "X-API-Key: $MUSHU_API_KEY"`;
};
