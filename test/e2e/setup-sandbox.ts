import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { defaultNamespace } from '../../src/api/keys.ts'
import { resources } from '../../src/api/resources.ts'
import { numberAt } from '../../src/base/json.ts'
import { createClient } from '../../src/kube/client.ts'
import { loadKubeConfig } from '../../src/kube/config.ts'
import { systemClock } from '../../src/runtime/clock.ts'
import { startSandbox } from '../../src/sandbox/sandbox.ts'
import { eventually } from './lib/eventually.ts'
import { findKubectl } from './lib/find-kubectl.ts'

/** Before the suites run on the embedded cluster: it is started, with Kinglet installed from the same manifest as anywhere. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { kubeconfigPath, stop } = await start()
  project.provide('kubeconfig', kubeconfigPath)
  project.provide('kind', 'sandbox')
  project.provide('kubectl', findKubectl())
  return stop
}

async function start(): Promise<{ readonly kubeconfigPath: string; readonly stop: () => Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'kinglet-e2e-'))
  const sandbox = await startSandbox({ dir })
  const stop = async (): Promise<void> => {
    await sandbox.stop()
    await rm(dir, { recursive: true, force: true })
  }
  try {
    await sandbox.installKinglet()
    await shortenWaits(sandbox.kubeconfigPath)
  } catch (error) {
    await stop()
    throw error
  }
  return { kubeconfigPath: sandbox.kubeconfigPath, stop }
}

/**
 * The sandbox's Services follow their endpoints at once, so nobody has to wait fifteen seconds for the kube-proxies of many nodes.
 * On a real cluster the suites run with what install.yaml says.
 */
async function shortenWaits(kubeconfig: string): Promise<void> {
  const client = createClient(loadKubeConfig({ kubeconfig }), systemClock, { fieldManager: 'e2e' })
  const at = { namespace: defaultNamespace, name: 'kinglet-controller' }
  const containers = [{ name: 'controller', env: [{ name: 'KINGLET_ADOPTION_GRACE', value: '3s' }] }]
  const { metadata } = await client.patch(resources.deployments, at, { type: 'strategic', body: { spec: { template: { spec: { containers } } } } })
  await eventually('the controller runs with short waits', async () => {
    const live = await client.get(resources.deployments, at)
    const replicas = numberAt(live, 'spec', 'replicas')
    const isObserved = (numberAt(live, 'status', 'observedGeneration') ?? 0) >= (numberAt(metadata, 'generation') ?? 0)
    return isObserved && [numberAt(live, 'status', 'updatedReplicas'), numberAt(live, 'status', 'availableReplicas'), numberAt(live, 'status', 'replicas')].every((count) => count === replicas)
  }, 60_000)
  client.connection.close()
}
