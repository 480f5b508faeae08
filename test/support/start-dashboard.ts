import { emptyTables, startBroker } from './broker.ts';
import { dashboardBrowser } from './dashboard.ts';

/** A broker on empty tables, and a browser in which its operator is signed in. */
export const startDashboard = async () => {
  await emptyTables();
  const broker = await startBroker();
  const browser = dashboardBrowser(broker);
  await browser.signIn(broker.operatorToken);
  return { broker, browser };
};
