import { describe, expect, it } from 'vitest'
import { replicasAnnotation } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { numberAt, objectAt, stringAt, type JsonObject } from '../../src/base/json.ts'
import { documents, tryApply } from './lib/apply.ts'
import { cluster, hasKubectl, kubectl } from './lib/cluster.ts'
import { eventually, staysTrue } from './lib/eventually.ts'
import { canary, deployment, service } from './lib/manifests.ts'
import { getDeployment, nameOf, podsOf, rolledOut, specReplicas, uidOf } from './lib/objects.ts'
import { scene } from './lib/scene.ts'
import { givenAdoptedApp, restsIdle, type Story } from './lib/story.ts'
import { watchCanary } from './lib/canary-watch.ts'

describe('the unchanged manifest, applied while the app is idle', () => {
  const { namespace, explainOnFailure } = scene('idle')
  const manifest = deployment({ namespace, version: 'v1' })
  let story: Story

  it('starts no pod, exits with 0 and prints one short warning, each of three times', async () => {
    explainOnFailure()
    story = await givenAdoptedApp(namespace)
    const podsBefore = (await podsOf(namespace, 'app')).map(uidOf).toSorted()
    const generations: number[] = []
    for (let round = 1; round <= 3; round += 1) {
      const result = await tryApply([manifest])
      expect(result, `round ${round}`).toMatchObject({ exitCode: 0, error: '' })
      expect(result.warnings, `round ${round}`).toHaveLength(1)
      expect(result.warnings[0]).toContain('podinfo')
      expect(result.warnings[0]?.length).toBeLessThanOrEqual(256)
      const target = await getDeployment(namespace, 'podinfo')
      expect(specReplicas(target)).toBe(0)
      generations.push(numberAt(target, 'metadata', 'generation') ?? 0)
    }
    expect(generations[2], 'the third apply changes nothing that the second did not').toBe(generations[1])
    await staysTrue('no pod of the target', async () => (await podsOf(namespace, 'app=podinfo')).length === 0, 3000)
    expect((await podsOf(namespace, 'app')).map(uidOf).toSorted()).toEqual(podsBefore)
    expect(story.watch.rows.at(-1)?.phase).toBe('Initialized')
  })

  it('keeps the number of replicas that it asks for, as a wish', async () => {
    explainOnFailure()
    await story.deploy('v1', { replicas: 3 })
    const target = await getDeployment(namespace, 'podinfo')
    expect(specReplicas(target)).toBe(0)
    expect(stringAt(target, 'metadata', 'annotations', replicasAnnotation)).toBe('3')
    await story.deploy('v1')
    expect(stringAt(await getDeployment(namespace, 'podinfo'), 'metadata', 'annotations', replicasAnnotation)).toBe('2')
  })

  it('does in a dry run what it does in the real one', async () => {
    explainOnFailure()
    const changed = { ...deployment({ namespace, version: 'v1', replicas: 4 }) }
    const write = async (dryRun: boolean): Promise<JsonObject> =>
      cluster().patch(resources.deployments, { namespace, name: 'podinfo' }, { type: 'strategic', body: changed }, { dryRun, fieldManager: 'person' })
    const dry = await write(true)
    expect(specReplicas(await getDeployment(namespace, 'podinfo')), 'the dry run leaves no trace').toBe(0)
    expect(stringAt(await getDeployment(namespace, 'podinfo'), 'metadata', 'annotations', replicasAnnotation)).toBe('2')
    const real = await write(false)
    expect(withoutServerFields(dry)).toEqual(withoutServerFields(real))
    await story.deploy('v1')
  })

  it.runIf(hasKubectl())('shows no difference to kubectl diff, once it was applied', async () => {
    explainOnFailure()
    const manifests = [manifest, service({ namespace })]
    await tryApply(manifests)
    const { exitCode, stdout, stderr } = await kubectl(['diff', '-f', '-'], documents(manifests))
    expect({ exitCode, stdout, error: stderr.split('\n').filter((line) => line !== '' && !line.startsWith('Warning: ')) }).toEqual({ exitCode: 0, stdout: '', error: [] })
  })

  it.runIf(hasKubectl())('shows the Canary in columns, and lets scripts wait for it', async () => {
    explainOnFailure()
    const got = await kubectl(['-n', namespace, 'get', 'canary'])
    const [head, row] = got.stdout.trim().split('\n')
    expect(head?.split(/\s+/)).toEqual(['NAME', 'STATUS', 'WEIGHT', 'LASTTRANSITIONTIME'])
    expect(row).toMatch(/^podinfo\s+Initialized\s+0\s+\d{4}-\d\d-\d\dT/)
    expect((await kubectl(['-n', namespace, 'wait', 'canary/podinfo', '--for=condition=promoted', '--timeout=10s'])).exitCode).toBe(0)
    expect((await kubectl(['-n', namespace, 'describe', 'canary', 'podinfo'])).stdout).toContain('Initialization done!')
  })
})

describe('a manifest without replicas, under server-side apply', () => {
  const { namespace, explainOnFailure } = scene('server-side')
  const manifest = deployment({ namespace, version: 'v1', replicas: null })

  it.runIf(hasKubectl())('can be applied again while idle: no conflict, no pod, no difference', async () => {
    explainOnFailure()
    expect(await tryApply([manifest, service({ namespace })], { serverSide: true })).toMatchObject({ exitCode: 0 })
    await rolledOut(namespace, 'podinfo')
    const watch = await watchCanary(namespace, 'podinfo')
    await tryApply([canary({ namespace })])
    await watch.phase('Initialized')
    await eventually('the target rests', async () => specReplicas(await getDeployment(namespace, 'podinfo')) === 0)
    for (let round = 1; round <= 2; round += 1) {
      const result = await tryApply([manifest], { serverSide: true })
      expect(result, `round ${round}`).toMatchObject({ exitCode: 0, error: '' })
    }
    expect(specReplicas(await getDeployment(namespace, 'podinfo'))).toBe(0)
    const { exitCode, stdout } = await kubectl(['diff', '--server-side', '-f', '-'], JSON.stringify(manifest))
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '' })
    await staysTrue('no pod of the target', async () => (await podsOf(namespace, 'app=podinfo')).length === 0, 2000)
    expect((await podsOf(namespace, 'app=podinfo-primary')).map(nameOf)).toHaveLength(1)
    watch.close()
  })
})

describe('a write of another kind while idle', () => {
  const { namespace, explainOnFailure } = scene('replace')

  it('cannot start pods either: a replaced object is held at 0 replicas', async () => {
    explainOnFailure()
    const story = await givenAdoptedApp(namespace, { app: { replicas: 1 } })
    const live = await getDeployment(namespace, 'podinfo')
    await cluster().replace(resources.deployments, { ...live, spec: { ...objectAt(live, 'spec'), replicas: 5 } })
    expect(specReplicas(await getDeployment(namespace, 'podinfo'))).toBe(0)
    await restsIdle(story)
  })
})

/** What differs between two answers of the server by their nature. */
function withoutServerFields(object: JsonObject): JsonObject {
  const { resourceVersion: _version, managedFields: _fields, generation: _generation, ...metadata } = objectAt(object, 'metadata')
  const { status: _status, ...rest } = object
  return { ...rest, metadata }
}
