import * as os from 'node:os'
import type { Store } from '../contract.ts'
import { timestamp } from '../events.ts'

/** The one node of the cluster. */
export const nodeName = 'sandbox'

/** Writes the Node object, ready from the first moment on. */
export function registerNode(store: Store, address: string): void {
  if (store.get('/nodes', undefined, nodeName)) return
  const now = timestamp(new Date())
  const resources = { cpu: String(os.cpus().length), memory: `${Math.floor(os.totalmem() / 1024)}Ki`, pods: '250' }
  const condition = (type: string, status: string, reason: string, message: string) => ({ type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now })
  store.create('/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName, 'kubernetes.io/os': 'linux', 'node-role.kubernetes.io/control-plane': '' } },
    spec: {},
    status: {
      capacity: resources,
      allocatable: resources,
      addresses: [
        { type: 'InternalIP', address },
        { type: 'Hostname', address: nodeName },
      ],
      conditions: [
        condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
        condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
        condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
        condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
      ],
      nodeInfo: {
        architecture: os.arch() === 'x64' ? 'amd64' : os.arch(),
        operatingSystem: 'linux',
        osImage: 'Kinglet sandbox',
        kernelVersion: os.release(),
        containerRuntimeVersion: `node://${process.versions.node}`,
        kubeletVersion: 'v1.34.0-sandbox',
        kubeProxyVersion: '',
        machineID: '',
        systemUUID: '',
        bootID: '',
      },
    },
  })
}
