import { appName, demoNamespace } from './app.ts'
import { phaseOf, readyReplicasOf, recordOf, versionOf, weightOf, type Observation } from './observe.ts'

/** What a look at the cluster shows, as the live view wants it. Until v1 is adopted the target serves alone: it stands as the primary. */
export function pictureOf(headline: string, look: Observation, elapsedMs: number) {
  const adopted = phaseOf(look.canary) !== 'Initializing' && look.primary !== undefined
  const weight = weightOf(look.canary)
  const serving = adopted ? look.primary : look.target
  return {
    headline,
    elapsedMs,
    canary: `${demoNamespace}/${appName}`,
    phase: phaseOf(look.canary),
    primary: { version: versionOf(serving), readyPods: readyReplicasOf(serving), weightPercent: 100 - weight, ...recordOf(look.canary, 'primary') },
    canaryTrack: {
      version: adopted ? versionOf(look.target) : '-',
      readyPods: adopted ? readyReplicasOf(look.target) : 0,
      weightPercent: weight,
      ...recordOf(look.canary, 'canary'),
    },
    sent: look.book.sent,
    failed: look.book.failed,
    events: look.events,
  }
}
