"""A company's page as it is written here: a news list that changes, everything else stands still."""

TEXT = (
    "대성테크는 정밀 금형과 사출 부품을 설계하고 만드는 회사입니다. 1998년에 시작하여 자동차와 전자 회사에 부품을 "
    "공급하고 있으며 품질을 가장 먼저 생각합니다. 공장은 창원에 있고 연구소는 수원에 있습니다. 견적은 전화나 메일로 "
    "문의하여 주시면 하루 안에 답하여 드립니다. 오시는 길과 연락처는 아래에 있습니다."
)


def html(
    *, title: str = "대성테크", text: str = TEXT, news: tuple[str, ...] = ("새 사출기를 들였습니다",), more: str = ""
) -> bytes:
    items = "".join(f"<li>{one}</li>" for one in news)
    return f"""<!doctype html><html lang="ko"><head><meta charset="utf-8"><title>{title}</title>
<link rel="stylesheet" href="/site.css"><script src="https://cdn.example.com/jquery.js"></script></head>
<body><header><h1>대성테크</h1><nav><a href="/about">회사 소개</a><a href="/products">제품</a></nav></header>
<main><section id="about"><p>{text}</p></section><section id="news"><h2>소식</h2><ul>{items}</ul></section>
<form action="/contact"><input name="q"></form>{more}</main><footer>전화 055-000-0000</footer></body></html>""".encode()
