/**
 * A browser at the dashboard, as far as the server can tell: keeps cookies, follows redirects of ours, sends forms as a
 * page would.
 */
export type DashboardBrowser = ReturnType<typeof dashboardBrowser>;

type Fields = Record<string, string | string[]>;

type SentRequest = { method?: string; headers?: Record<string, string>; body?: string };

/** Where the dashboard is, and how a request gets there. */
type Site = { origin: string; request: (path: string, init: SentRequest) => Promise<Response> };

export const dashboardBrowser = (site: Site) => {
  const cookies = new Map<string, string>();
  const seen: string[] = [];

  const send = async (path: string, init: SentRequest = {}): Promise<Response> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const answer = await site.request(path, {
      ...init,
      headers: { Accept: 'text/html', ...(cookie !== '' && { Cookie: cookie }), ...init.headers },
    });
    for (const set of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? [];
      if (/max-age=0/i.test(set)) cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };

  /** Follows redirects to our own pages; the last answer, its text read. */
  const arrive = async (
    answer: Response,
    asked: string,
  ): Promise<{ status: number; html: string; path: string; headers: Headers }> => {
    let [current, path] = [answer, asked];
    for (let hops = 0; current.status === 303 && hops < 5; hops += 1) {
      path = current.headers.get('Location') ?? '';
      current = await send(path);
    }
    const html = await current.text();
    seen.push(html);
    return { status: current.status, html, path, headers: current.headers };
  };

  const get = async (path: string) => arrive(await send(path), path);

  /** Posts fields as given, without what a browser or a page of ours would add. */
  const postRaw = (path: string, fields: [string, string][], headers: Record<string, string>) =>
    send(path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    });

  /** Fills in the form of a page and sends it. */
  const submit = async (onPage: string, action: string, fields: Fields = {}) =>
    submitFrom((await get(onPage)).html, action, fields);

  /** The same of a page that was opened before. */
  const submitFrom = async (html: string, action: string, fields: Fields = {}) => {
    const entries = Object.entries(fields).flatMap(([name, value]) =>
      [value].flat().map((one): [string, string] => [name, one]),
    );
    const sent: [string, string][] = [...hiddenFields(html, action), ...entries];
    return arrive(await postRaw(action, sent, { Origin: site.origin, 'Sec-Fetch-Site': 'same-origin' }), action);
  };

  return {
    cookies,
    /** Every page that this browser was shown. */
    seen,
    send,
    get,
    postRaw,
    submit,
    submitFrom,
    signIn: (token: string) => submit('/dashboard/sign-in', '/dashboard/sign-in', { token }),
  };
};

/** What the page's form with this action sends unseen, the form's token at least. */
const hiddenFields = (html: string, action: string): [string, string][] => {
  const form = html.split(`action="${action}"`)[1]?.split('</form>')[0] ?? '';
  const hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)];
  return hidden.length === 0
    ? [['form_token', formToken(html)]]
    : hidden.map(([, name = '', value = '']) => [name, unescaped(value)]);
};

const unescaped = (text: string): string =>
  text
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');

/** The token of a page's forms. */
export const formToken = (html: string): string => /name="form_token" value="([0-9a-f]+)"/.exec(html)?.[1] ?? '';
