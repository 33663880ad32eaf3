import type { DemoReport, ReleaseReport } from './story.ts'

/** The demo's last words, for people. */
export function renderSummary(report: DemoReport): readonly string[] {
  const detection = report.secondsFromFirstBadResponseToWeightZero
  return [
    '',
    `requests sent                                ${report.requests}`,
    `adoption of v1                               ${report.adoptionSeconds} s, ${report.failedDuringAdoption} failed requests`,
    `promotion of v2   ${steps(report.promotion)}`,
    `  failed requests that users saw             ${report.failedDuringPromotion}`,
    `rollback of v3    ${steps(report.rollback)}`,
    `  failed requests that users saw             ${report.failedDuringBadRelease} of ${report.rollback.requests}`,
    `  first bad response to weight 0             ${detection === undefined ? 'no bad response was seen' : `${detection} s`}`,
    '',
    report.ok ? 'Both releases ended as they should.' : 'The demo did NOT end as it should: see the lines above.',
  ]
}

const steps = (release: ReleaseReport): string => `${release.outcome} in ${release.seconds} s, weights ${release.weights.join(', ') || 'none'}`
