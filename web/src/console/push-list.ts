/** The last pushes, by hospital. */

import type { Push } from "../shared/types";

export interface HospitalPushes {
  code: string;
  name: string;
  pushes: Push[];
  refused: number;
}

/** Hospitals in the order of their newest push. */
export function byHospital(pushes: Push[]): HospitalPushes[] {
  const groups = new Map<string, HospitalPushes>();
  for (const push of pushes) {
    const group = groups.get(push.hospital_code) ?? {
      code: push.hospital_code,
      name: push.hospital_name,
      pushes: [],
      refused: 0,
    };
    group.pushes.push(push);
    group.refused += push.accepted ? 0 : 1;
    groups.set(push.hospital_code, group);
  }
  return [...groups.values()];
}

/** Pushes that are all alike in kind have no list of faults; their message then says what was wrong. */
export function refusalText(push: Push): string {
  return push.faults.length ? "" : push.message;
}
