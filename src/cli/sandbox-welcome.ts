/** Where the sandbox is, as a person reads it when it runs. */
export interface SandboxPlaces {
  readonly kubeconfigPath: string
  /** Manifest of an app to try Kinglet on. */
  readonly examplePath: string
}

/** What a person reads when the sandbox runs: where it is, and what to try. */
export function welcome({ kubeconfigPath, examplePath }: SandboxPlaces, hasKinglet: boolean): string {
  const tries = hasKinglet
    ? [
        [`kubectl apply -f ${examplePath}`, 'an app, its Service, and a client'],
        ['kubectl get canary podinfo -w', 'in another terminal: wait for Initialized'],
        ['kubectl set image deployment/podinfo podinfo=podinfo:6.9.2', 'a new version, step by step'],
        ['kubectl logs -f client', 'which version answers the client'],
        ['kubectl describe canary podinfo', 'what happened, and why'],
      ]
    : [
        [`kubectl apply -f ${examplePath}`, 'an app, its Service, and a client'],
        ['kubectl get pods,services', 'what runs'],
        ['kubectl logs -f client', 'what the client gets'],
      ]
  const width = Math.max(...tries.map(([command = '']) => command.length))
  return [
    `A small Kubernetes runs on this machine${hasKinglet ? ', with Kinglet installed' : ''}. Your own kubectl works on it:`,
    '',
    `  export KUBECONFIG=${kubeconfigPath}`,
    '',
    'To try:',
    '',
    ...tries.map(([command = '', what = '']) => `  ${command.padEnd(width)}   # ${what}`),
    '',
    'Ctrl-C stops everything.',
  ].join('\n')
}
