/** The devices that the simulated people own, by Withings' model id and name. */
export const devices = {
  body: { modelid: 7, model: 'Body' },
  body_plus: { modelid: 5, model: 'Body+' },
  body_cardio: { modelid: 6, model: 'Body Cardio' },
  body_comp: { modelid: 18, model: 'Body Comp' },
  body_scan: { modelid: 10, model: 'Body Scan' },
  bpm_connect: { modelid: 45, model: 'BPM Connect' },
} as const;

export type DeviceName = keyof typeof devices;

/** What a weigh-in can come from; `manual` is the person, typing into the app. */
export const sources = ['manual', 'body', 'body_plus', 'body_cardio', 'body_comp', 'body_scan'] as const;

export type Source = (typeof sources)[number];
