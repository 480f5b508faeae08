const DAY_SECONDS = 24 * 60 * 60;

const createOffset = (timezone: string): ((unixSeconds: number) => number) => {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: timezone, timeZoneName: 'longOffset' });
  return (unixSeconds) => {
    const parts = format.formatToParts(unixSeconds * 1000);
    const name = parts.find(({ type }) => type === 'timeZoneName')?.value ?? '';
    const match = /GMT([+-])(\d\d):(\d\d)/.exec(name);
    if (match === null) return 0;
    const seconds = Number(match[2]) * 3600 + Number(match[3]) * 60;
    return match[1] === '-' ? -seconds : seconds;
  };
};

/**
 * A function from days back and a second of the day to Unix seconds: `(0, 25200)` is seven o'clock on the local
 * day that `originSeconds` falls in. Throws for a time zone that the runtime lacks.
 */
export const localDays = (timezone: string, originSeconds: number) => {
  const offsetSeconds = createOffset(timezone);
  const today = Math.floor((originSeconds + offsetSeconds(originSeconds)) / DAY_SECONDS);
  return (daysBack: number, secondOfDay: number): number => {
    const local = (today - daysBack) * DAY_SECONDS + secondOfDay;
    return local - offsetSeconds(local - offsetSeconds(local));
  };
};
