"""Is the company's web site up, and is it still its own (홈페이지 위/변조)? The centre asks, not a client's machine.

`fetch` asks for the page → `page` reads its signals → `compare` holds them against what was learned (`memory`) and says
what changed → `picture` is asked only when the page itself moved. Events are `web_integrity` (rules/README.md).
"""
