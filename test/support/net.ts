/**
 * How long anything in a test may take before it counts as hanging: a net under what never ends. How fast a machine is
 * decides about no test, so this is the only time limit there is.
 */
export const NET_MS = 600_000;
