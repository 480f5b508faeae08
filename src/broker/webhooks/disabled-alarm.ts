import { brokerStateText } from '../../store/operator/broker-state.ts';
import { isAnyGivenUp } from '../../store/webhooks/endpoints.ts';
import type { Deps } from '../deps.ts';
import { alarmStateOf, reconcileAlarms } from '../operator/alarms.ts';

/**
 * Looks again at the alarm `webhook_endpoint_disabled`, if it is on. It ends when no endpoint of any app is given up,
 * and is repeated until then. The endpoints are read last, directly before the alarm ends: the end of a run does not
 * raise an alarm that is on.
 */
export const reviewDisabledAlarm = async (deps: Deps): Promise<void> => {
  const text = await brokerStateText(deps.db, 'alarms');
  const alarm = text.ok ? alarmStateOf(text.value).open.webhook_endpoint_disabled : undefined;
  if (!text.ok || alarm === undefined) return;
  const left = await isAnyGivenUp(deps.db);
  if (!left.ok) return;
  await reconcileAlarms(deps, text.value, { webhook_endpoint_disabled: left.value && alarm.reason });
};
