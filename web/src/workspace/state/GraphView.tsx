// The graph of a state. It is loaded when somebody looks at it: it brings a library along.
import { graphlib, layout } from '@dagrejs/dagre'
import { Background, Controls, Handle, MarkerType, MiniMap, Position, ReactFlow, type Edge as FlowEdge, type Node as FlowNode, type NodeProps } from '@xyflow/react'
import '@xyflow/react/dist/style.css'
import { useMemo, useState } from 'react'
import { count } from '~/kernel/formats'
import { Button } from '~/ui/Button'
import { Notice } from '~/ui/Failure'
import { Icon } from '~/ui/Icon'
import { cx } from '~/ui/classes'
import { graphOf, type Graph, type GraphNode } from './graph'
import type { State } from './file'

type Box = FlowNode<{ node: GraphNode; dim: boolean }, 'box'>

const width = 210
const height = 52

export default function GraphView({ state }: { state: State }) {
  const [within, setWithin] = useState('')
  const [chosen, setChosen] = useState<string>()
  const graph = useMemo(() => graphOf(state, within), [state, within])
  const places = useMemo(() => placesOf(graph), [graph])
  const near = useMemo(() => (chosen === undefined ? undefined : neighbours(graph, chosen)), [graph, chosen])
  const nodes = useMemo(() => graph.nodes.map((n): Box => ({ id: n.id, type: 'box', position: places.get(n.id) ?? { x: 0, y: 0 }, data: { node: n, dim: near !== undefined && !near.has(n.id) }, width, height })), [graph, places, near])
  const edges = useMemo(() => graph.edges.map((e): FlowEdge => ({
    id: `${e.from} ${e.to}`, source: e.from, target: e.to, markerEnd: { type: MarkerType.ArrowClosed, color: 'var(--muted)' },
    style: { stroke: chosen === e.from || chosen === e.to ? 'var(--accent)' : 'var(--line-strong)', opacity: near && chosen !== e.from && chosen !== e.to ? 0.15 : 1 },
  })), [graph, chosen, near])
  return (
    <div>
      <div className="flex min-h-11 flex-wrap items-center gap-2 border-b border-line px-4 py-1.5 text-sm text-muted">
        {within !== '' && <Button small icon="left" onClick={() => setWithin('')}>Whole state</Button>}
        <span>{within !== '' && <code className="mr-2 font-mono text-text">{within}</code>}{count(graph.nodes.length, 'node')}. An arrow leads from what is needed to what needs it.</span>
      </div>
      {graph.folded && <Notice className="m-3">There is much in this state: modules are drawn as one node. Open one to see what is in it.</Notice>}
      <p className="hidden p-4 text-muted print:block">A graph is larger than a page. Print the list of resources: one that is open says what it depends on.</p>
      <div className="h-[36rem] max-h-[75vh] print:hidden" role="figure" aria-label={`Graph of ${count(graph.nodes.length, 'resource')}; the list of resources says what each depends on`}>
        <ReactFlow
          key={within}
          nodes={nodes}
          edges={edges}
          nodeTypes={types}
          fitView
          fitViewOptions={{ maxZoom: 1.2 }}
          minZoom={0.05}
          nodesDraggable={false}
          nodesConnectable={false}
          edgesFocusable={false}
          onlyRenderVisibleElements
          onNodeClick={(_, n) => setChosen(n.id === chosen ? undefined : n.id)}
          onNodeDoubleClick={(_, n) => n.data.node.kind === 'module' && setWithin(n.id)}
          onPaneClick={() => setChosen(undefined)}
        >
          <Background color="var(--line-strong)" />
          <Controls showInteractive={false} className="[&_button]:border-line! [&_button]:bg-surface! [&_button]:text-text!" />
          {graph.nodes.length > 30 && <MiniMap pannable zoomable bgColor="var(--sunken)" maskColor="var(--hover)" nodeColor="var(--line-strong)" />}
        </ReactFlow>
      </div>
    </div>
  )
}

const types = { box: BoxView }

const kinds = { resource: 'border-line-strong', data: 'border-info border-dashed', module: 'border-accent border-2' }

function BoxView({ data: { node, dim }, selected }: NodeProps<Box>) {
  return (
    <div className={cx('flex h-13 w-52.5 items-center gap-2 rounded-md border bg-surface px-2.5 transition-opacity', kinds[node.kind], selected && 'ring-2 ring-accent', dim && 'opacity-25')} title={node.id}>
      <Handle type="target" position={Position.Left} className="opacity-0" />
      <Icon name={node.kind === 'module' ? 'registry' : node.kind === 'data' ? 'eye' : 'state'} className="text-muted" />
      <div className="min-w-0 flex-1 leading-tight">
        <div className="truncate font-medium">{node.label}</div>
        <div className="truncate font-mono text-xs text-muted">{node.kind === 'module' ? count(node.count, 'resource') : node.type}</div>
      </div>
      {node.kind !== 'module' && node.count > 1 && <span className="rounded-full bg-idle-soft px-1.5 text-xs text-idle tabular">×{node.count}</span>}
      <Handle type="source" position={Position.Right} className="opacity-0" />
    </div>
  )
}

/** placesOf lays a graph out from the left to the right. */
function placesOf(graph: Graph): Map<string, { x: number; y: number }> {
  const g = new graphlib.Graph()
  g.setGraph({ rankdir: 'LR', nodesep: 16, ranksep: 70 })
  g.setDefaultEdgeLabel(() => ({}))
  for (const n of graph.nodes) g.setNode(n.id, { width, height })
  for (const e of graph.edges) g.setEdge(e.from, e.to)
  layout(g)
  return new Map(graph.nodes.map((n) => {
    const { x, y } = g.node(n.id) as { x: number; y: number }
    return [n.id, { x: x - width / 2, y: y - height / 2 }]
  }))
}

function neighbours(graph: Graph, id: string): Set<string> {
  return new Set([id, ...graph.edges.flatMap((e) => (e.from === id ? [e.to] : e.to === id ? [e.from] : []))])
}
