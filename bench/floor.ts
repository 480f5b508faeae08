/**
 * The floor: the D1 and KV operations that a route cannot do without, and nothing else. No validation, no signature, no error handling, no
 * log. What the broker's requests a second are held against.
 */
type FloorBindings = { DB: D1Database; LINKS: KVNamespace };

const CALLER = `SELECT apps.id, api_keys.scopes, api_keys.revoked_at, connections.id AS connection, connections.state
  FROM api_keys JOIN apps ON apps.id = api_keys.app_id
  LEFT JOIN connections ON connections.app_id = apps.id AND connections.user_id = ?2 AND connections.is_current = 1
  WHERE api_keys.hash = ?1`;
const TARGET = `SELECT apps.id, apps.link_policy, redirect_uris.id AS uri FROM apps
  LEFT JOIN redirect_uris ON redirect_uris.app_id = apps.id AND redirect_uris.uri = ?2 WHERE apps.id = ?1`;
const PAGE = `SELECT type, measured_seconds, group_id, value, source_id FROM measurements
  WHERE connection_id = ?1 AND type = 1 AND position = -1 AND ambiguous = 0 ORDER BY measured_seconds DESC LIMIT 101`;
const SOURCES = 'SELECT id, attrib, model, time_zone FROM sources WHERE connection_id = ?1';

const sha256 = async (text: string): Promise<string> =>
  [...new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');

const answer = async (request: Request, { DB, LINKS }: FloorBindings): Promise<Response> => {
  const url = new URL(request.url);
  const [, , appId = '', kind = '', operation = '', last = ''] = url.pathname.split('/');
  if (operation === 'auth') {
    await DB.prepare(TARGET).bind(appId, url.searchParams.get('redirect_uri')).first();
    const id = crypto.randomUUID();
    await LINKS.put(`link:${id}`, 'x'.repeat(300), { expirationTtl: 1800 });
    return new Response(null, { status: 302, headers: { Location: `https://account.withings.com/?state=${id}` } });
  }
  const userId = kind === 'metrics' ? operation : last;
  const hash = await sha256(request.headers.get('X-API-Key') ?? '');
  const caller = await DB.prepare(CALLER).bind(hash, userId).first<{ connection: number; state: string }>();
  if (kind !== 'metrics') return Response.json({ connected: caller?.state === 'active' });
  const id = caller?.connection ?? 0;
  const [values, sources] = await DB.batch([DB.prepare(PAGE).bind(id), DB.prepare(SOURCES).bind(id)]);
  return Response.json({ data: values?.results, sources: sources?.results });
};

// oxlint-disable-next-line import/no-default-export -- how a Worker is written
export default { fetch: answer };
