import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { listAt, objectAt, stringAt, valueAt, type JsonObject } from '../../base/json.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { expand } from './env.ts'
import { apiAccessFiles, apiAccessPath, apiAccessVolume, buildVolume, type Files, type VolumeContent, type VolumeSources } from './volume-content.ts'

/** The folders of one pod's volumes, kept equal to the objects that they draw on. */
export interface PodVolumes {
  /** Brings every volume up to date; the error is the first one's that has to wait, in the kubelet's words. */
  refresh(): Result<undefined>
  /** Path in the container → path here, for one container. */
  mounts(container: JsonObject, env: Readonly<Record<string, string>>): (readonly [string, string])[]
}

/** `hasApiAccess`: whether containers get the pod's service-account token where they don't say otherwise. */
export function createVolumes(dir: string, sources: VolumeSources, hasApiAccess: boolean): PodVolumes {
  const published = new Map<string, { readonly text: string; readonly place: string }>()
  const publish = (name: string, content: VolumeContent): void => {
    if (content.kind === 'host') return void published.set(name, { text: '', place: content.path })
    const place = join(dir, name)
    const text = content.kind === 'files' ? fingerprint(content.files) : ''
    if (published.get(name)?.text === text) return
    mkdirSync(place, { recursive: true })
    if (content.kind === 'files') publishFiles(place, content.files)
    published.set(name, { text, place })
  }
  return {
    refresh: () => {
      if (hasApiAccess) publish(apiAccessVolume, { kind: 'files', files: apiAccessFiles(sources) })
      for (const volume of listAt(sources.pod, 'spec', 'volumes')) {
        const name = stringAt(volume, 'name') ?? ''
        const content = buildVolume(volume, sources)
        if (!content.ok) return err(`MountVolume.SetUp failed for volume "${name}" : ${content.error}`)
        publish(name, content.value)
      }
      return ok(undefined)
    },
    mounts: (container, env) => {
      const mounts = listAt(container, 'volumeMounts').flatMap((mount) => {
        const place = published.get(stringAt(mount, 'name') ?? '')?.place
        const path = stringAt(mount, 'mountPath')
        if (place === undefined || path === undefined) return []
        const sub = stringAt(mount, 'subPath') ?? expand(stringAt(mount, 'subPathExpr') ?? '', env)
        if (sub !== '' && valueAt(volumeNamed(sources.pod, stringAt(mount, 'name')), 'emptyDir') !== undefined) mkdirSync(join(place, sub), { recursive: true })
        return [[path.replace(/(.)\/+$/, '$1'), sub === '' ? place : join(place, sub)] as const]
      })
      const isNamed = mounts.some(([path]) => path === apiAccessPath)
      const access = published.get(apiAccessVolume)
      return access && hasApiAccess && !isNamed ? [...mounts, [apiAccessPath, access.place] as const] : mounts
    },
  }
}

const volumeNamed = (pod: JsonObject, name: string | undefined): JsonObject =>
  objectAt({ volume: listAt(pod, 'spec', 'volumes').find((volume) => stringAt(volume, 'name') === name) }, 'volume')

const fingerprint = (files: Files): string =>
  JSON.stringify(Object.entries(files).map(([path, bytes]) => [path, bytes.toString('base64')]))

/**
 * Replaces all files at once, as the kubelet does: they live in a new folder, `..data` points to it, and the names that programs
 * open point through `..data`. A reader sees all of the old files or all of the new ones. Kubernetes, pkg/volume/util/atomic_writer.go.
 */
function publishFiles(place: string, files: Files): void {
  const before = readdirSync(place).filter((name) => name.startsWith('..') && name !== '..data')
  const version = `..${Date.now()}_${before.length}_${process.hrtime.bigint() % 1_000_000n}`
  mkdirSync(join(place, version))
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(place, version, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, bytes, { mode: 0o600 })
  }
  symlinkSync(version, join(place, '..data.new'))
  renameSync(join(place, '..data.new'), join(place, '..data'))
  const tops = new Set(Object.keys(files).map((path) => path.split('/')[0] ?? path))
  const existing = readdirSync(place).filter((name) => !name.startsWith('..'))
  for (const name of existing) if (!tops.has(name)) rmSync(join(place, name), { force: true })
  for (const top of tops) if (!existing.includes(top)) symlinkSync(join('..data', top), join(place, top))
  for (const old of before) rmSync(join(place, old), { recursive: true, force: true })
}
