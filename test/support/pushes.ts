import { notifySecret } from '../../src/crypto/notify-secret.ts';
import type { Person } from '../../src/simulator/people/people.ts';
import type { Broker } from './broker.ts';
import { plantSecret } from './canaries.ts';

/** Pushes as Withings posts them: a form, without a signature. */

export const pushForm = (userid: number | string, appli: number, more: Record<string, string> = {}) =>
  new URLSearchParams({ userid: String(userid), appli: String(appli), ...more });

export const postPush = (broker: Broker, secret: string, form: URLSearchParams | string): Promise<Response> =>
  broker.request(`/withings/notify/${secret}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  });

/** The secret of a person's callback URL, under the current key or another one of the ring. */
export const secretOf = async (broker: Broker, userid: number | string, keyId?: string): Promise<string> => {
  const { keyring } = await broker.deps();
  const secret = await notifySecret(keyring, keyId ?? keyring.currentKeyId, String(userid));
  plantSecret('secret of notifications', secret);
  return secret;
};

/** A true push about a person. */
export const push = async (broker: Broker, { userid }: Person, appli = 1): Promise<Response> =>
  postPush(broker, await secretOf(broker, userid), pushForm(userid, appli, { startdate: '1', enddate: '2' }));

/** A weigh-in that Withings gets now. */
export const weighNow = ({ simulator, now }: Broker, person: Person, weightKg: number): void => {
  const date = Math.floor(now() / 1000);
  const measures = [{ value: Math.round(weightKg * 1000), type: 1, unit: -3 }];
  const group = { attrib: 0, category: 1, deviceid: null, date, created: date, modified: date, measures };
  simulator.state.weighIns.addGroup(person, group);
};
