import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../base/json.ts'
import { createTokenCache } from './token-cache.ts'
import { apiAccessPath, type VolumeSources } from './volume-content.ts'
import { createVolumes } from './volumes.ts'

let dir: string
let configMaps: Record<string, JsonObject>
let secrets: Record<string, JsonObject>
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kinglet-volumes-'))
  configMaps = { config: { kind: 'ConfigMap', data: { 'a.txt': 'one', 'b.txt': 'two' } } }
  secrets = {}
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const sources = (pod: JsonObject): VolumeSources => ({
  pod: { metadata: { name: 'web', namespace: 'prod', labels: { app: 'web', b: 'c' } }, ...pod },
  podAddress: '127.244.0.2',
  nodeAddress: '127.244.0.1',
  configMap: (name) => configMaps[name],
  secret: (name) => secrets[name],
  token: (audience, seconds) => `token for ${audience ?? 'the API'} ${seconds}`,
  caPem: 'PEM',
})

const withVolume = (volume: JsonObject, mount: JsonObject = {}) => {
  const volumes = createVolumes(dir, sources({ spec: { volumes: [{ name: 'v', ...volume }] } }), false)
  return { volumes, mounts: () => new Map(volumes.mounts({ volumeMounts: [{ name: 'v', mountPath: '/data', ...mount }] }, { SUB: 'x' })) }
}
const shown = (place: string | undefined) => Object.fromEntries(readdirSync(place ?? '').filter((name) => !name.startsWith('..')).map((name) => [name, readFileSync(join(place ?? '', name), 'utf8')]))

describe('a volume', () => {
  it.each<{ title: string; volume: JsonObject; files: Record<string, string> }>([
    { title: 'a ConfigMap', volume: { configMap: { name: 'config' } }, files: { 'a.txt': 'one', 'b.txt': 'two' } },
    { title: 'picked keys', volume: { configMap: { name: 'config', items: [{ key: 'a.txt', path: 'renamed' }] } }, files: { renamed: 'one' } },
    { title: 'an optional Secret that is absent', volume: { secret: { secretName: 'nope', optional: true } }, files: {} },
    { title: 'the downward API', volume: { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } }, files: { labels: 'app="web"\nb="c"' } },
    {
      title: 'several sources in one',
      volume: { projected: { sources: [{ serviceAccountToken: { audience: 'us', expirationSeconds: 600, path: 'token' } }, { configMap: { name: 'kube-root-ca.crt' } }] } },
      files: { token: 'token for us 600', 'ca.crt': 'PEM' },
    },
  ])('holds $title', ({ volume, files }) => {
    const { volumes, mounts } = withVolume(volume)
    expect(volumes.refresh()).toEqual({ ok: true, value: undefined })
    expect(shown(mounts().get('/data'))).toEqual(files)
  })

  it('waits for a Secret, in the words of the kubelet', () => {
    const { volumes, mounts } = withVolume({ secret: { secretName: 'tls' } })
    expect(volumes.refresh()).toEqual({ ok: false, error: 'MountVolume.SetUp failed for volume "v" : secret "tls" not found' })
    secrets['tls'] = { kind: 'Secret', data: { 'tls.crt': Buffer.from('pem').toString('base64') } }
    expect(volumes.refresh().ok).toBe(true)
    expect(shown(mounts().get('/data'))).toEqual({ 'tls.crt': 'pem' })
  })

  it('follows its object, all files at once', () => {
    const { volumes, mounts } = withVolume({ configMap: { name: 'config' } })
    volumes.refresh()
    configMaps['config'] = { kind: 'ConfigMap', data: { 'a.txt': 'three', 'c.txt': 'four' } }
    volumes.refresh()
    expect(shown(mounts().get('/data'))).toEqual({ 'a.txt': 'three', 'c.txt': 'four' })
    expect(readdirSync(mounts().get('/data') ?? '').filter((name) => name.startsWith('..') && name !== '..data')).toHaveLength(1)
  })

  it('can be mounted in part', () => {
    const { volumes, mounts } = withVolume({ emptyDir: {} }, { subPathExpr: '$(SUB)' })
    volumes.refresh()
    expect(mounts().get('/data')).toBe(join(dir, 'v', 'x'))
  })

  it('says which kind it does not have', () => expect(withVolume({ nfs: {} }).volumes.refresh()).toMatchObject({ ok: false, error: expect.stringContaining('nfs') }))
})

describe('the credentials of a pod', () => {
  it('are mounted where the pod does not say otherwise', () => {
    const volumes = createVolumes(dir, sources({ spec: {} }), true)
    volumes.refresh()
    const place = new Map(volumes.mounts({}, {})).get(apiAccessPath)
    expect(shown(place)).toEqual({ token: 'token for the API 3607', 'ca.crt': 'PEM', namespace: 'prod' })
  })

  it('are renewed after 80 % of their life', () => {
    let [now, minted] = [0, 0]
    const token = createTokenCache({ mint: () => `t${(minted += 1)}` }, {}, () => now)
    expect([token('a', 100), token('a', 100), token('b', 100)]).toEqual(['t1', 't1', 't2'])
    now = 79_999
    expect(token('a', 100)).toBe('t1')
    now = 80_000
    expect(token('a', 100)).toBe('t3')
  })
})
