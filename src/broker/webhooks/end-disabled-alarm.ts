import { brokerStateText } from '../../store/operator/broker-state.ts';
import { isAnyGivenUp } from '../../store/webhooks/endpoints.ts';
import type { Deps } from '../deps.ts';
import { alarmStateOf, reconcileAlarms } from '../operator/alarms.ts';

/**
 * Ends the alarm `webhook_endpoint_disabled`, unless an endpoint of any app is still given up. The endpoints are read
 * last, directly before the alarm ends: the end of a run does not raise an alarm that is on.
 */
export const endDisabledAlarm = async (deps: Deps): Promise<void> => {
  const text = await brokerStateText(deps.db, 'alarms');
  if (!text.ok || alarmStateOf(text.value).open.webhook_endpoint_disabled === undefined) return;
  const left = await isAnyGivenUp(deps.db);
  if (left.ok && !left.value) await reconcileAlarms(deps, text.value, { webhook_endpoint_disabled: false });
};
