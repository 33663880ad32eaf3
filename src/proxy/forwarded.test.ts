import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openHttp2, request } from './h2/testing/http2-client.ts'
import { say, startHttp2App, type Http2App } from './h2/testing/http2-app.ts'
import type { Forwarding } from './settings.ts'
import { field } from './testing/peer.ts'
import { ask, get } from './testing/raw-client.ts'
import { answering, respond, startRawServer, type RawServer } from './testing/raw-server.ts'
import { startRig, type Rig } from './testing/rig.ts'

const claims: Readonly<Record<string, string>> = {
  'x-forwarded-for': '6.6.6.6',
  'x-forwarded-host': 'evil.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '443',
  'x-real-ip': '6.6.6.6',
  forwarded: 'for=6.6.6.6',
  'x-request-id': 'mine',
}
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const id = expect.stringMatching(uuid) as unknown

/** What a request with these fields becomes, for either protocol. */
const cases: readonly (readonly [string, Forwarding, Readonly<Record<string, string>>, Readonly<Record<string, unknown>>])[] = [
  ['adds to what clients say, and makes no id', { believesClients: true, makesRequestIds: false }, claims, { ...claims, 'x-forwarded-for': '6.6.6.6, 127.0.0.1' }],
  ['adds nothing that it was not asked for', { believesClients: true, makesRequestIds: false }, {}, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'app', 'x-forwarded-proto': 'http', 'x-request-id': undefined }],
  [
    'replaces what clients say that it does not believe',
    { believesClients: false, makesRequestIds: false },
    claims,
    { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'app', 'x-forwarded-proto': 'http', 'x-forwarded-port': undefined, 'x-real-ip': undefined, forwarded: undefined, 'x-request-id': 'mine' },
  ],
  ['makes an id where there is none', { believesClients: true, makesRequestIds: true }, {}, { 'x-request-id': id }],
  ['keeps the id of a client that it believes', { believesClients: true, makesRequestIds: true }, { 'x-request-id': 'mine' }, { 'x-request-id': 'mine' }],
  ['makes another for one that it does not', { believesClients: false, makesRequestIds: true }, { 'x-request-id': 'mine' }, { 'x-request-id': id }],
]

describe('(21) a sidecar that forwards HTTP/1', () => {
  let app: RawServer
  let rig: Rig
  let heard = ''
  beforeEach(async () => {
    app = await startRawServer(
      answering((head) => {
        heard = head
        return respond('ok')
      }),
    )
  })
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  it.each(cases)('%s', async (_what, forwarding, headers, expected) => {
    rig = await startRig(app.port, { change: { forwarding } })
    await ask(rig.route, get('/', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)))
    for (const [name, value] of Object.entries(expected)) expect(field(heard, name), name).toEqual(value)
    expect(heard.match(/x-request-id/gi)?.length ?? 0).toBeLessThan(2)
  })

  it('believes another sidecar, which has looked at the client already', async () => {
    rig = await startRig(app.port, { change: { forwarding: { believesClients: false, makesRequestIds: true } } })
    await ask(rig.direct, get('/', 'x-kinglet-hop: 1', 'X-Forwarded-For: 1.1.1.1', 'X-Request-Id: theirs'))
    expect({ of: field(heard, 'x-forwarded-for'), id: field(heard, 'x-request-id') }).toEqual({ of: '1.1.1.1', id: 'theirs' })
  })
})

describe('(21) a sidecar that forwards HTTP/2', () => {
  let app: Http2App
  let rig: Rig
  beforeEach(async () => {
    app = await startHttp2App(say('ok'))
  })
  afterEach(async () => {
    await rig.close()
    app.close()
  })

  it.each(cases)('%s', async (_what, forwarding, headers, expected) => {
    rig = await startRig(app.port, { change: { forwarding } })
    const client = await openHttp2(rig.route)
    await request(client, { ':path': '/', ':authority': 'app', ...headers })
    for (const [name, value] of Object.entries(expected)) expect(app.heads[0]?.[name], name).toEqual(value)
    client.destroy()
  })
})
