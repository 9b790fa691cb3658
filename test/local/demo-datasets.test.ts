import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { schemaJudge } from '../../adapters/json-schema/judge.ts';
import { AGREEMENTS } from '../../local/demo/agreements.ts';
import { co2Ecoles } from '../../local/demo/datasets/co2-ecoles.ts';
import { parkings } from '../../local/demo/datasets/parkings.ts';
import { re2020Batiments } from '../../local/demo/datasets/re2020-batiments.ts';
import { PARTICIPANTS } from '../../local/demo/participants.ts';
import { airEvent, CLASSROOMS, readAir } from '../../local/demo/feeds/air.ts';
import { carParkEvent, readCarParks, readRegister } from '../../local/demo/feeds/car-parks.ts';
import { rseeEvents } from '../../local/demo/feeds/rsee.ts';
import { askedTerms } from '../../domain/contracts/terms.ts';
import { contractRequest } from '../../schemas/contract.ts';
import { datasetRequest, type DatasetRequest } from '../../schemas/dataset.ts';
import { participantRequest } from '../../schemas/participant.ts';

const file = (name: string): string =>
  readFileSync(new URL(`../../local/demo/data/${name}`, import.meta.url), 'utf8');

function faultsOf(dataset: DatasetRequest, data: unknown[]): unknown[] {
  const judge = schemaJudge().judge('schema', dataset.types[0]?.schema ?? false);
  return data.flatMap(judge);
}

describe('what the demonstration registers is what the mesh takes', () => {
  test.each([co2Ecoles, parkings, re2020Batiments])('dataset $title.fr', (dataset) => {
    expect(datasetRequest.parse(dataset)).toEqual(dataset);
    expect(dataset.types.flatMap(({ schema }) => schemaJudge().check(schema))).toEqual([]);
  });

  test.each(Object.values(PARTICIPANTS))('participant $id', (participant) => {
    expect(participantRequest.parse(participant)).toEqual(participant);
  });

  test.each(AGREEMENTS)('contract of $consumer on $contract.dataset', ({ contract }) => {
    expect(contractRequest.parse(contract)).toEqual(contract);
    const dataset = { 'co2-ecoles': co2Ecoles, parkings, 're2020-batiments': re2020Batiments }[
      contract.dataset
    ];
    expect(dataset && askedTerms(dataset, contract.terms).faults).toEqual([]);
    expect(dataset?.offer.purposes).toContain(contract.purpose);
  });

  test('the datasets show both approvals, and personal data waits for the provider', () => {
    const approvals = [co2Ecoles, parkings, re2020Batiments].map(({ offer }) => offer.approval);
    expect(new Set(approvals)).toEqual(new Set(['automatic', 'provider']));
    expect(co2Ecoles).toMatchObject({ personalData: true, offer: { approval: 'provider' } });
  });
});

describe('every event obeys the schema of its dataset', () => {
  test('CO2', () => {
    const readings = readAir(file('indoor-co2-occupancy-test.csv'));
    const events = CLASSROOMS.flatMap((room) =>
      readings.map((one) => airEvent('//t/p', room, one, new Date(0))),
    );
    expect(
      faultsOf(
        co2Ecoles,
        events.map(({ data }) => data),
      ),
    ).toEqual([]);
  });

  test('car parks', () => {
    const register = readRegister(file('stationnement-sta_parking.csv'));
    const rows = readCarParks(file('parking-availability-history-1.csv'));
    expect(
      faultsOf(
        parkings,
        rows.map((row) => carParkEvent('//t/p', register, row).data),
      ),
    ).toEqual([]);
  });

  test('buildings', () => {
    const studies = ['rsee-1-batiment-non-conforme.xml', 'rsee-2-batiments-conforme.xml'];
    const events = studies.flatMap((study) => rseeEvents('//t/p', study, file(study)));
    expect(events).toHaveLength(3);
    expect(
      faultsOf(
        re2020Batiments,
        events.map(({ data }) => data),
      ),
    ).toEqual([]);
  });

  test('and the schemas refuse what they should', () => {
    const [event] = rseeEvents('//t/p', 'x', file('rsee-1-batiment-non-conforme.xml'));
    expect(faultsOf(re2020Batiments, [{ ...(event?.data as object), phase: 9 }])).toHaveLength(1);
  });
});
