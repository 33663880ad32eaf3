import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { emptyBook } from './book.ts'
import { pictureOf } from './picture.ts'

const deployment = (version: string, readyReplicas: number): JsonObject => ({
  spec: { template: { spec: { containers: [{ name: 'podinfo', env: [{ name: 'PODINFO_UI_MESSAGE', value: version }] }] } } },
  status: { readyReplicas },
})
const look = (phase: string, canaryWeight: number) => ({ canary: { status: { phase, canaryWeight } }, target: deployment('v2', 2), primary: deployment('v1', 1), events: [], book: emptyBook })

describe('the picture of the demo', () => {
  it('shows the Deployment alone until it is adopted, whatever is being made beside it', () =>
    expect(pictureOf('', look('Initializing', 0), 0)).toMatchObject({ primary: { version: 'v2', readyPods: 2, weightPercent: 100 }, canaryTrack: { version: '-', readyPods: 0, weightPercent: 0 } }))

  it('shows both tracks from then on', () =>
    expect(pictureOf('', look('Progressing', 30), 0)).toMatchObject({ primary: { version: 'v1', readyPods: 1, weightPercent: 70 }, canaryTrack: { version: 'v2', readyPods: 2, weightPercent: 30 } }))
})
