export type DevOptions = {
  port: string | undefined;
  simulatorPort: string | undefined;
  demoPort: string | undefined;
  /** This machine's address in the network, for other devices. */
  host: string | undefined;
  /** The origin of a tunnel to the broker. */
  publicUrl: string | undefined;
  /** The folder of the local data. */
  state: string;
  /** Another Withings, both of its hosts behind one URL. */
  upstream: string | undefined;
  /** The real Withings. */
  real: boolean;
  clientId: string | undefined;
  clientSecret: string | undefined;
  /** Settings of the broker, as docs/settings.md lists them. */
  settings: Record<string, string>;
  /** Gets what the Worker logs. */
  onLog: (line: string) => void;
  /** Called if a part ends unexpectedly. */
  onLost: (sentence: string) => void;
};
