import { describe, expect, it } from 'vitest'
import { Whereabouts } from './whereabouts.ts'

const at = (route: string, failures: number, slow: number) => ({ route, canary: { failures, slow }, primary: { failures: 0, slow: 0 } })

describe('where things go wrong', () => {
  it('names a few classes of requests: where the canary fails most, and where it is slowest', () => {
    const where = new Whereabouts()
    for (let id = 1; id <= 20; id += 1) where.count({}, [at(`GET /${'x'.repeat(id)}`, id, 0)])
    where.count({}, [at('GET /slow', 0, 500)])
    const named = where.routes().map(({ route }) => route)
    expect(named).toHaveLength(8)
    expect([named[0], named.at(-1)]).toEqual([`GET /${'x'.repeat(20)}`, 'GET /slow'])
  })

  it('is bounded, whatever the clients ask for', () => {
    const where = new Whereabouts()
    for (let id = 0; id < 1000; id += 1) where.count({ [`pod-${id}`]: { requests: 1, failures: 0, latency: [] } }, [at(`GET /${id}`, 1, 0)])
    expect(where.routes()[0]).toMatchObject({ route: '(other)', canary: { failures: 936 } })
    expect(where.pods()).toHaveLength(20)
  })
})
