import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { numberAt, stringAt, type JsonObject } from '../base/json.ts'
import { FakeApi, reply, status } from './fake-api.testkit.ts'
import { createRecorder, type EventInput } from './recorder.ts'
import { VirtualClock } from './virtual-clock.testkit.ts'

const collection = '/api/v1/namespaces/shop/events'
const regarding: JsonObject = { apiVersion: 'flagger.app/v1beta1', kind: 'Canary', metadata: { namespace: 'shop', name: 'a1', uid: 'u1', resourceVersion: '7' } }
const event = (message: string, of: JsonObject = regarding): EventInput => ({ regarding: of, type: 'Normal', reason: 'Synced', message })

let api: FakeApi
beforeEach(async () => {
  api = await new FakeApi().start()
})
afterEach(() => api.stop())

function recorderOf() {
  const clock = new VirtualClock()
  const errors: string[] = []
  const recorder = createRecorder({ client: api.client(), clock, component: 'flagger', onError: (error) => errors.push((error as Error).message) })
  const written = (): readonly JsonObject[] => {
    const names = new Set(api.requests.flatMap((line) => (line.startsWith('PATCH') ? [line.split(/[ ?]/)[1] ?? ''] : [])))
    return [...names].map((path) => api.object(path) ?? {})
  }
  return { recorder, clock, errors, written }
}

describe('the event recorder', () => {
  it('writes what kubectl describe shows', async () => {
    const { recorder } = recorderOf()
    let body: JsonObject = {}
    api.intercept = (_request, _response, text) => {
      body = JSON.parse(text) as JsonObject
      return false
    }
    recorder.record(event('Starting canary analysis for a1.shop'))
    await recorder.flush()
    expect(api.requests).toEqual([`POST ${collection}?fieldManager=test`])
    expect(body).toMatchObject({
      involvedObject: { kind: 'Canary', name: 'a1', namespace: 'shop', uid: 'u1' },
      source: { component: 'flagger' },
      reason: 'Synced',
      type: 'Normal',
      message: 'Starting canary analysis for a1.shop',
      count: 1,
      firstTimestamp: '2026-06-01T00:00:00Z',
    })
  })

  it('waits for an API server that does not answer only as long as it is told', async () => {
    const { recorder, clock } = recorderOf()
    api.intercept = () => true
    recorder.record(event('one'))
    let isOver = false
    const flushed = recorder.flush(5000).then(() => (isOver = true))
    await clock.advance(4000)
    expect(isOver).toBe(false)
    await clock.advance(1000)
    await flushed
    expect(clock.pending).toBe(0)
  })

  it('names events of the same moment in their order', async () => {
    const { recorder } = recorderOf()
    const names: string[] = []
    api.intercept = (_request, _response, text) => {
      names.push(stringAt(JSON.parse(text) as JsonObject, 'metadata', 'name') ?? '')
      return false
    }
    for (const message of ['Starting canary analysis', 'Guard', 'Advance', 'Zero', 'Another']) recorder.record(event(message))
    await recorder.flush()
    expect(names).toHaveLength(5)
    expect(names).toEqual(names.toSorted())
  })

  it('counts the same event instead of writing it again, until it is old or gone', async () => {
    const { recorder, clock, written } = recorderOf()
    recorder.record(event('x'))
    recorder.record(event('x'))
    recorder.record(event('x'))
    await recorder.flush()
    expect(written().map((object) => numberAt(object, 'count'))).toEqual([3])
    const name = stringAt(written()[0], 'metadata', 'name') ?? ''
    api.remove(collection, name)
    await clock.advance(1_000)
    recorder.record(event('x'))
    await recorder.flush()
    await clock.advance(601_000)
    recorder.record(event('x'))
    await recorder.flush()
    expect(api.requests.filter((line) => line.startsWith('POST'))).toHaveLength(3)
  })

  it('cuts a message to what the API server takes', async () => {
    const { recorder } = recorderOf()
    let length = 0
    api.intercept = (_request, _response, text) => {
      length = (JSON.parse(text) as { message: string }).message.length
      return false
    }
    recorder.record(event('x'.repeat(5_000)))
    await recorder.flush()
    expect(length).toBe(1024)
  })

  it('lets 100 events of one object through at once, then one in two seconds; other objects are not held up', async () => {
    const { recorder, clock, errors } = recorderOf()
    for (let index = 0; index < 115; index += 1) recorder.record(event(`message ${index}`))
    recorder.record(event('of another', { ...regarding, metadata: { namespace: 'shop', name: 'a2', uid: 'u2' } }))
    await recorder.flush()
    expect(api.requests).toHaveLength(101)
    expect(errors).toHaveLength(15)
    await clock.advance(4_000)
    for (let index = 150; index < 160; index += 1) recorder.record(event(`message ${index}`))
    await recorder.flush()
    expect(api.requests).toHaveLength(103)
  })

  it('reports what cannot be written, and goes on', async () => {
    const { recorder, errors } = recorderOf()
    let isFirst = true
    api.intercept = (_request, response) => {
      if (!isFirst) return false
      isFirst = false
      reply(response, 403, status(403, 'Forbidden', 'events is forbidden'))
      return true
    }
    recorder.record(event('a'))
    recorder.record(event('b'))
    await recorder.flush()
    expect(errors).toEqual(['events is forbidden'])
    expect(api.requests).toHaveLength(2)
  })
})
