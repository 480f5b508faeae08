import withingsLinkKotlin from '../../../../examples/android/WithingsLink.kt' with { type: 'text' };
import withingsLinkSwift from '../../../../examples/ios/WithingsLink.swift' with { type: 'text' };
import type { AppId } from '../../../domain/app-id.ts';
import type { LinkPolicy } from '../../../domain/app.ts';

/** The app's values in a snippet. */
export type SnippetValues = {
  /** Origin of the broker. */
  origin: string;
  appId: AppId;
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
  const [parameter, link] =
    values.linkPolicy === 'session'
      ? ['link: @MainActor (_ state: String) async throws -> URL', '    let authURL = try await link(withings.state)\n']
      : [
          'userId: String',
          `    var parts = URLComponents(string: ${quoted(authUrl(values))})!
    parts.queryItems = [
        URLQueryItem(name: "user_id", value: userId),
        URLQueryItem(name: "redirect_uri", value: redirectURI),
        URLQueryItem(name: "state", value: withings.state),
    ]
    // URLComponents leaves a plus as it is, and in a query that is a space.
    let query = parts.percentEncodedQuery
    parts.percentEncodedQuery = query?.replacingOccurrences(of: "+", with: "%2B")
    let authURL = parts.url!
`,
        ];
  return `${withingsLinkSwift}
/// Connects the person who is signed in to your app. \`anchor\` is the window, such as
/// \`view.window!\`.
${LINK_SOURCE[values.linkPolicy].map((line) => `/// ${line}\n`).join('')}@MainActor
func connectWithings(
    ${parameter}, anchor: ASPresentationAnchor
) async throws -> WithingsLink.Ending {
    let withings = WithingsLink(anchor: anchor)
    let redirectURI = ${quoted(phoneUri(values))}
${link}    return try await withings.link(authURL: authURL, redirectURI: URL(string: redirectURI)!)
}`;
};

/** What the app's backend has to do, by link policy. */
const LINK_SOURCE: Record<LinkPolicy, string[]> = {
  open: [],
  session: ['Your backend makes the link for `state`: `auth_url` of POST …/withings/connect-sessions.'],
  confirm: ['There is no sync until your backend confirms the ticket: POST …/withings/confirm.'],
};

const kotlin = (values: SnippetValues): string => {
  const uri = phoneUri(values);
  const { protocol, host, pathname } = new URL(uri);
  const where = [
    `android:scheme=${quoted(protocol.slice(0, -1))}`,
    ...(host === '' ? [] : [`android:host=${quoted(host)}`]),
    ...(pathname === '' ? [] : [`android:path=${quoted(pathname)}`]),
  ];
  const [call, link] =
    values.linkPolicy === 'session'
      ? ['open { state -> yourBackend.link(state) }', '']
      : [
          'open { state -> withingsAuthUrl(userId, state) }',
          `
/** The link for the person who is signed in to your app as [userId]. */
fun withingsAuthUrl(userId: String, state: String): String =
    Uri.parse(${kotlinQuoted(authUrl(values))}).buildUpon()
        .appendQueryParameter("user_id", userId)
        .appendQueryParameter("redirect_uri", ${kotlinQuoted(uri)})
        .appendQueryParameter("state", state)
        .build()
        .toString()
`,
        ];
  return `${withingsLinkKotlin}
/**
 * Make it a property of your activity, and give it the intents of \`onCreate\` and \`onNewIntent\`.
 * Where the user presses "Connect", call this of it, in a coroutine:
 * \`${call}\`.
${LINK_SOURCE[values.linkPolicy].map((line) => ` * ${line}\n`).join('')} */
fun withingsLink(activity: ComponentActivity, onEnding: (WithingsLink.Ending) -> Unit) =
    WithingsLink(activity, Uri.parse(${kotlinQuoted(uri)}), onEnding)
${link}
// AndroidManifest.xml, beside <application>:
// <queries>
//   <intent>
//     <action android:name="android.support.customtabs.action.CustomTabsService" />
//   </intent>
// </queries>
// and in your activity, which has android:exported="true" and android:launchMode="singleTask":
// <intent-filter${isWeb(uri) ? ' android:autoVerify="true"' : ''}>
//   <action android:name="android.intent.action.VIEW" />
//   <category android:name="android.intent.category.DEFAULT" />
//   <category android:name="android.intent.category.BROWSABLE" />
//   <data ${where.join(' ')} />
// </intent-filter>`;
};

const web = (values: SnippetValues): string =>
  values.linkPolicy === 'session'
    ? `${WEB_STATE}
// Your backend creates the link for this state: POST …/withings/connect-sessions
const body = new URLSearchParams({ state });
const made = await fetch('/your-backend/withings-link', { method: 'POST', body });
location.assign((await made.json()).auth_url);

${webReturn(values)}`
    : `${WEB_STATE}
const link = new URL(${quoted(authUrl(values))});
link.searchParams.set('user_id', userId);
link.searchParams.set('redirect_uri', ${quoted(webUri(values))});
link.searchParams.set('state', state);
location.assign(link);

${webReturn(values)}`;

const WEB_STATE = `// It comes back with the answer, which is recognized by it
const state = crypto.randomUUID();
sessionStorage.setItem('withings-state', state);
`;

const webReturn = (values: SnippetValues): string => `// On ${webUri(values)}:
const answer = new URLSearchParams(location.search);
const kept = sessionStorage.getItem('withings-state');
if (kept === null || answer.get('state') !== kept) throw new Error('Not the answer to this link');
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
      ? `# A link for one user, valid once; STATE comes from the app
curl -X POST ${base}/withings/connect-sessions \\
  -H "X-API-Key: $MUSHU_API_KEY" -H 'Content-Type: application/json' \\
  -d '{"user_id":"USER","redirect_uri":${quoted(values.uris[0] ?? webUri(values))},"state":"STATE"}'

`
      : '';
  return `${link}# Pull what is new
curl -X POST ${base}/withings/sync/USER -H "X-API-Key: $MUSHU_API_KEY"

# Read it
curl "${base}/metrics/USER?metric=weight,bmi,fat_ratio,muscle_mass" -H "X-API-Key: $MUSHU_API_KEY"`;
};
