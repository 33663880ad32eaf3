/** An app to try Kinglet on: a plain Deployment that asks for a canary, its Service, and an ordinary client that sends 20 requests a second. */
export const exampleManifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: podinfo
  annotations:
    kinglet.sh/canary: enabled
    kinglet.sh/interval: 5s
spec:
  selector: { matchLabels: { app: podinfo } }
  template:
    metadata: { labels: { app: podinfo } }
    spec:
      containers:
        - name: podinfo
          image: podinfo:6.9.1
          command: [./podinfo, --port=9898]
          ports: [{ name: http, containerPort: 9898 }]
          readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 2 }
---
apiVersion: v1
kind: Service
metadata: { name: podinfo }
spec:
  selector: { app: podinfo }
  ports: [{ name: http, port: 80, targetPort: http }]
---
apiVersion: v1
kind: Pod
metadata: { name: client }
spec:
  containers:
    - name: client
      image: node:24
      command: [node, -e]
      args:
        - |
          const seen = {}
          const count = (what) => { seen[what] = (seen[what] ?? 0) + 1 }
          const ask = () => fetch('http://podinfo/').then(async (answer) => count(answer.ok ? 'version ' + (await answer.json()).version : 'status ' + answer.status), (error) => count(error.cause?.code))
          setInterval(ask, 50)
          setInterval(() => { console.log(JSON.stringify(seen)); for (const what in seen) delete seen[what] }, 1000)
`
