// SPDX-License-Identifier: Apache-2.0
// What can be wrong with the times of a certificate.
import { utf8 } from '../../services/core/bytes.ts';
import { certificateTime, sequence, TAG, tlv } from '../../services/core/der.ts';
import { JUDGED_AT_MS } from './corpus-issue.ts';
import { longLength, type Mutation } from './corpus-mutations.ts';

const BEFORE = certificateTime(JUDGED_AT_MS - 60_000);
const AFTER = certificateTime(JUDGED_AT_MS + 540_000);

const validity = (name: string, ...times: readonly Uint8Array[]): Mutation => ({
  name: `validity: ${name}`,
  change: () => ({ validity: sequence(...times) }),
});
const utc = (text: string) => tlv(TAG.utcTime, utf8(text));
const general = (text: string) => tlv(TAG.generalizedTime, utf8(text));
const from = (name: string, time: Uint8Array) => validity(`begins ${name}`, time, AFTER);
const until = (name: string, time: Uint8Array) => validity(`ends ${name}`, BEFORE, time);

export const TIME_MUTATIONS: readonly Mutation[] = [
  validity('as written by a certificate authority', BEFORE, AFTER),
  from('now', certificateTime(JUDGED_AT_MS)),
  from('a second later', certificateTime(JUDGED_AT_MS + 1000)),
  until('now', certificateTime(JUDGED_AT_MS)),
  until('a second ago', certificateTime(JUDGED_AT_MS - 1000)),
  validity('the wrong way round', AFTER, BEFORE),
  from('in 1950', utc('500101000000Z')),
  from('in 1949, as 2049', utc('491231235959Z')),
  from('in 1949', general('19491231235959Z')),
  from('in year 0', general('00000101000000Z')),
  until('in 2049', utc('491231235959Z')),
  until('in 2050', general('20500101000000Z')),
  until('never', general('99991231235959Z')),
  until('in 2049, as GeneralizedTime', general('20491231235959Z')),
  from('this year, as GeneralizedTime', general('20260601120000Z')),
  from('without seconds', utc('2606011200Z')),
  from('with an offset', utc('260601120000+0000')),
  from('with an offset for Z', utc('260601130000+0100')),
  from('without Z', utc('260601120000')),
  from('with a small z', utc('260601120000z')),
  from('with a fraction', general('20260601120000.5Z')),
  until('with a fraction', general('20500101000000.5Z')),
  until('with an empty fraction', general('20500101000000.Z')),
  until('without seconds, in 2050', general('205001010000Z')),
  until('with an offset, in 2050', general('20500101000000+0000')),
  until('in month 13', utc('261301000000Z')),
  until('in month 0', utc('260001000000Z')),
  until('on day 0', utc('260700000000Z')),
  until('on 31 June', utc('260631000000Z')),
  until('on 29 February of no leap year', utc('270229000000Z')),
  until('on 29 February of a leap year', utc('280229000000Z')),
  until('at 24:00', utc('260601240000Z')),
  until('at minute 60', utc('260601126000Z')),
  until('at second 60', utc('260601121060Z')),
  until('with a blank', utc('26060112 000Z')),
  until('with a sign', utc('+60601121000Z')),
  until('with an octet after Z', utc('260601121000Z\0')),
  until('in no digits', utc('')),
  until('in year 2026 of four digits, as UTCTime', utc('20260601121000Z')),
  until('as PrintableString', tlv(TAG.printableString, utf8('260601121000Z'))),
  until('with its length in too many octets', longLength(AFTER)),
  validity('without an end', BEFORE),
  validity('of three times', BEFORE, AFTER, AFTER),
  validity('empty'),
];
