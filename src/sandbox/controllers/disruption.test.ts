import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { budgetStatus } from './disruption.ts'

describe('a PodDisruptionBudget', () => {
  const ready: JsonObject = { status: { conditions: [{ type: 'Ready', status: 'True' }] } }
  const unready: JsonObject = { status: { conditions: [{ type: 'Ready', status: 'False' }] } }
  const leaving: JsonObject = { ...ready, metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }

  it.each<[spec: JsonObject, pods: readonly JsonObject[], wanted: number, allowed: number]>([
    [{ minAvailable: 1 }, [ready, ready], 2, 1],
    [{ minAvailable: 2 }, [ready, ready], 2, 0],
    [{ minAvailable: 1 }, [ready, unready], 2, 0],
    [{ minAvailable: 1 }, [ready, leaving], 2, 0],
    [{ minAvailable: '50%' }, [ready, ready, ready], 3, 1],
    [{ minAvailable: '100%' }, [ready, ready], 2, 0],
    [{ maxUnavailable: 1 }, [ready, ready, ready], 3, 1],
    [{ maxUnavailable: 1 }, [ready, ready], 3, 0],
    [{ maxUnavailable: '34%' }, [ready, ready, ready], 3, 2],
    [{ maxUnavailable: 1 }, [], 0, 0],
  ])('%j of %j, %i wanted, lets %i go', (spec, pods, wanted, disruptionsAllowed) => {
    expect(budgetStatus({ spec }, { pods, wanted })).toMatchObject({ disruptionsAllowed })
  })
})
