/**
 * Which URI schemes an app may not claim. Every app invents its scheme, so there is no allowlist. Listed are the
 * schemes that browsers, operating systems and widely installed apps already handle. In doubt a scheme is refused: the
 * app can use a reverse-domain scheme or https. Schemes shorter than four characters are refused anyway; the few listed
 * are here for their variants, such as `git+ssh`.
 */

const words = (text: string): string[] => text.trim().split(/\s+/);

const listed = {
  'script or launcher': words('ecmascript intent javascript jscript livescript mocha shell vbs vbscript'),
  'document or resource': words(`
    about applewebdata blob capacitor cid content cordova data electron feed feeds file filesystem ionic
    isolated-app jar mhtml mid null package resource srcdoc tauri undefined view-source wyciwyg
  `),
  browser: words(`
    brave chrome chromium ddglaunch ddgquicklink devtools dolphin duckduckgo edge firefox iexplore
    mozilla opera puffin safari samsunginternet touch-http touch-https ucbrowser vivaldi yandexbrowser
    yandexbrowser-open-url
  `),
  'operating system': words(`
    airdrop altstore android android-app app-prefs app-settings appinstaller appstream bingmaps
    bluetooth calculator calshow camera contacts cydia diagnostics diags findmy findmyfriends fmip1
    freeform gamecenter help homekit ibooks icloud itunes launchpad macappstore macappstores map mapitem
    maps market messages microsoft mobilenotes mobilephone mobilereminders mswindowsmusic mswindowsvideo
    music musics notes onenote onenote-cmd outlook outlookmail photos photos-redirect play podcast
    podcasts prefs reminders search search-ms settings settings-navigation shareddocuments shoebox
    shortcuts sileo snap stocks store storekit systempreferences video videos voicememos wallet weather
    wifi windows windowsdefender workflow xbox zune
  `),
  'mail or telephone': words(`
    callto conf facetime facetime-audio facetime-prompt gtalk h323 imap imessage jabber mail mailto
    message mmsto msnim phone pres sips skypeout smsto smtp telprompt voip xmpp ymsgr
  `),
  'network protocol': words(`
    acct amqp amqps bittorrent caldav carddav cifs coap coaps cvs dav davs dict dns docker dweb ed2k
    finger fish ftp ftps gemini geo git gopher grpc gsiftp hdfs hyper info ipfs ipns ipps irc irc6 ircs
    iris jdbc kafka ldap ldapi ldaps magnet mailserver memcached mongodb mqtt mqtts msrp mumble mysql
    netdoc news nfs nntp nntps odbc onion opaquelocktoken openpgp4fpr pkcs11 postgres postgresql proxy
    redis rediss rlogin rmi rsync rtmp rtmps rtsp rtsps rtspu sftp shttp sieve smb snews snmp socks
    socks4 socks5 spdy spiffe sqlite sqlserver ssdp ssh stratum stun stuns svn teamspeak telnet tftp
    thismessage tn3270 turn turns unix unreal urn uuid ventrilo vnc wais webcal webcals webdav websocket
    wpad wss wtai xmlrpc z39.50r z39.50s
  `),
  'another app': words(`
    alipay alipays amazon appstore baidumap bankid battlenet binance bitcoin bitcoincash bitwarden
    bluesky cashapp cashme cbwallet coinbase comgooglemaps comgooglemaps-x-callback credpay cursor
    deezer dingtalk discord dogecoin dropbox ethereum evernote expo exps facebook facebook-messenger
    fbapi fbauth fbauth2 fbmessenger fbshareextension fido figma fitbit flickr garmin gcm-ciq github
    github-mac gitlab gmail google googleauthenticator googlecalendar googledocs googledrive googlefit
    googlegmail googlemail googlemaps googlemeet googlephotos gotomeeting gpay groupme hangouts
    healthmate instagram instagram-stories jetbrains kakaolink kakaopay kakaotalk lastpass ledgerlive
    lightning line lineauth linkedin litecoin lnurl lyft mastodon messenger metamask minecraft mobilepay
    monero mqqapi msauth msauthv2 msteams musically netflix nflx nokiahealth nostr notion obsidian okta
    onedrive onepassword otpauth otpauth-migration paypal paytm paytmmp payto phantom phonepe pinterest
    postman reddit revolut roblox roblox-player samsunghealth sgnl signal signalcaptcha sinaweibo skype
    slack snapchat snssdk1128 snssdk1180 snssdk1233 solana soundcloud sourcetree spotify squarecash
    steam strava swish taobao teams teamviewer telegram tether threads tiktok tonconnect tonkeeper
    trello trust trustwallet tumblr tweetie twitch twitter twitterauth uber ubereats uniswap venmo viber
    vimeo vipps vnd.youtube vscode vscode-insiders vscodium walletconnect waze webex wechat weibo weixin
    whatsapp whatsapp-consumer withings withings-bd2 youtube zcash zoommtg zoomphonecall zoomus
  `),
} as const satisfies Record<string, readonly string[]>;

export type SchemeCategory = keyof typeof listed;

/** Schemes that begin with these are refused. */
const prefixes: readonly (readonly [string, SchemeCategory])[] = [
  ['javascript', 'script or launcher'],
  ['vbscript', 'script or launcher'],
  ['brave-', 'browser'],
  ['chrome-', 'browser'],
  ['edge-', 'browser'],
  ['ext+', 'browser'],
  ['firefox-', 'browser'],
  ['googlechrome', 'browser'],
  ['microsoft-edge', 'browser'],
  ['moz-', 'browser'],
  ['opera-', 'browser'],
  ['safari-', 'browser'],
  ['web+', 'browser'],
  ['webkit-', 'browser'],
  ['apple-', 'operating system'],
  ['applenews', 'operating system'],
  ['itms', 'operating system'],
  ['ms-', 'operating system'],
  ['x-', 'operating system'],
  ['http', 'network protocol'],
  ['fb-', 'another app'],
  ['google-', 'another app'],
];

/** Schemes below these names belong to the domain's owner, who is not a developer of this broker. */
const vendorDomains = words('com.android com.apple com.facebook com.google com.microsoft com.withings');

const categoryOf = new Map<string, SchemeCategory>(
  Object.entries(listed).flatMap(([category, schemes]) =>
    schemes.map((scheme) => [scheme, category as SchemeCategory] as const),
  ),
);

/** Some filters and systems match these by prefix, so `javascript.x` is as dangerous as `javascript`. */
const refusedWithAnySuffix = [...listed['script or launcher'], ...listed['document or resource']];

const isVariant = (scheme: string, of: string): boolean =>
  scheme.startsWith(of) && /^[.+-]/.test(scheme.slice(of.length));

/**
 * The category of software that already handles `scheme`, or undefined if an app may claim it. `scheme` is in lower
 * case and without its colon. Variants of a protocol (`git+ssh`) count as the protocol.
 */
export const schemeCategory = (scheme: string): SchemeCategory | undefined => {
  const direct = categoryOf.get(scheme) ?? prefixes.find(([prefix]) => scheme.startsWith(prefix))?.[1];
  if (direct) return direct;
  if (vendorDomains.some((domain) => scheme === domain || scheme.startsWith(`${domain}.`))) return 'another app';
  const stem = refusedWithAnySuffix.find((word) => isVariant(scheme, word)) ?? scheme.split('+', 1)[0];
  return stem === undefined ? undefined : categoryOf.get(stem);
};
