import { type Broker, cookiesOf } from './broker.ts';

/** A browser: it keeps its cookies and follows nothing by itself. It answers where it was sent, or with the status. */
export const browserOf = ({ request }: Pick<Broker, 'request'>) => {
  let cookies = '';
  return async (url: string): Promise<string> => {
    const answer = await request(url, { headers: { Cookie: cookies } });
    cookies = cookiesOf(answer) || cookies;
    return answer.headers.get('Location') ?? `${answer.status}`;
  };
};
