"""What slips look like in a text: ends that are none, marks without their other half, talk about the instance, blanks, rows of signs."""

import re

import regex

__all__ = [
    "ADDRESS", "ASKING", "BLANK", "CLOSERS", "DECLINING", "DOUBLED", "ENDINGS", "GREEK", "INITIAL", "KA", "LETTERED", "MENTIONING", "OPEN", "OPENED", "PREAMBLE", "REFUSAL", "REPEATED_MARK", "SMILING", "STRANGE", "UNENDED", "bracketed", "closed", "quoted", "unruled",
]  # fmt: skip

ENDINGS = ".!?…。！？؟۔।॥።။។"
ASKING = ("?", "？", "؟", "\u037e")  # Arabic and Greek ones among them
OPEN = ",;:-–—([{/，、；：（「《،؛"  # no text ends on one, nor on nothing
INITIAL = re.compile(r"(?<![.\w])(?<!\bMr\. )(?<!\bMs\. )(?<!\bMrs\. )[A-Z]\.$")  # but neither "U.S." nor "Mr. X."
LETTERED = re.compile(
    r"(?:^\W*|(?<!\w)(?i:an?|act|answer|answer is|answer's|apartment|appendix|block|book|box|building|chapter|class|column|drive|exhibit|figure|form|gate|"
    r"generation|grade|group|hepatitis|influenza|letter|level|line|model|option|part|phase|plan|platform|point|row|schedule|section|serie|series|side|size|stage|"
    r"straight|table|team|terminal|type|unit|vitamin|volume|war|wing|zone) )[A-Z]\.?$"
    r"|(?<!\w)(?:am|and|as|is|than|was) I\.$|(?<!\w)X\.$"
)  # "Plan B.", "an A.", "older than I.", "Malcolm X."
ADDRESS = re.compile(r"(?:https?://|(?<!\S)www\.)\S+/$")  # with the slash that many end on
KA = re.compile(
    "[うくぐすずつぬふぶむるたいのんだ何誰]か(?<!わずか|いつか|はるか|なんか)[。．]$"
)  # the particle that asks, which Japanese often leaves at a full stop
GREEK = regex.compile(r"\p{Greek}")
UNENDED = regex.compile(r"[\p{Thai}\p{Lao}][\p{M}\p{N}]*$")  # scripts that set no mark at a sentence's end
STRANGE = regex.compile(
    r"(?V1)[\p{Han}&&\p{L}]|[[\p{Hiragana}\p{Katakana}\p{Hangul}\p{Bopomofo}\p{Arabic}\p{Hebrew}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Devanagari}\p{Bengali}"
    r"\p{Gurmukhi}\p{Gujarati}\p{Tamil}\p{Telugu}\p{Kannada}\p{Malayalam}\p{Sinhala}\p{Tibetan}\p{Georgian}\p{Armenian}\p{Ethiopic}]&&\p{L}]{2,}"
)  # two of most of them: one alone is the mouth or an eye of a face; letters that stand in hardly any English text; Cyrillic and Greek ones do, in names and formulas
OPENED = re.compile(r"\s[“‘«‹]$")  # a quotation that begins at a text's end
CLOSERS = "\"'”’“‘»«›‹)]*」』）】》"  # German and Danish quotations end on what begins an English or a French one
SMILEY = re.compile(
    r"(?:[:;=]|(?<!\w)[8BxX](?=[-'’]))['’]?[-o^~]?(?:\)+|\(+(?=[\s.!?,;)\"”…]|$))"  # :) ;-) =( :'(
    r"|(?<!\S)[:;]['’]?-?(?:[/\[{]+|[\]*])(?!\w)"  # :/ :-[ :] :*
    r"|(?<!\S)[()]+-?[:;](?![\w)-])"  # (: ):
    r"|(?<!\S)(?:-[_.]+-|\\[oOm]/)(?!\w)"  # -_- \o/
)  # of signs that else open, close or go on; <3, ^^ and xD are no such signs
SMILING = re.compile(rf"(?:(?:{SMILEY.pattern})[\s{re.escape(CLOSERS)}]*){{1,9}}$")
STRAIGHT = re.compile(r'(\d?)"')
BRACKET = re.compile(rf"{SMILEY.pattern}|[()]")

MENTIONING = re.compile(
    r"(?:^|[.!?][\"')]*\s+)mention(?:ing)?\b", re.IGNORECASE
)  # begins a sentence of instructions, hardly any other
REFUSAL = re.compile(
    r"\b(?:as an ai\b|(?:ai|digital|helpful|virtual|artificial intelligence) (?:language )?(?:assistant|model)\b|\b(?:i(?:'m| am)|as) (?:just |only )?an? (?:\w+ )?language model|i(?:'m| am) (?:sorry,? but i|here to"
    r" (?:help|assist))|i (?:can(?:no|')t|cannot) (?:assist|fulfill|provide|write (?!to\b|back\b)|generate|create|help with)|i don't have (?:enough|access|the ability)|(?:i(?:'m| am|'d be| would be)|always) happy to (?:help|assist)|ready to assist)"
    r"|\bi(?:'m| am) (?:\w+, )?(?:just |only )?(?:an?|the|your) (?:(?!(?:about|at|by|for|from|in|of|on|to|with)\b)[\w-]+ ){0,2}(?:ai|chatbot)(?=\W*$|[.,!?;:]| (?:and i|called|created|designed|made|named|that|trained|who)\b)"
    r"|\bas an? (?:[\w-]+ ){0,2}chatbot, i\b|(?<!\bas if )(?<!\blike )\bi(?:'m| am) not a human(?=[.!]|$)|\bi(?:'m| am) (?:designed|programmed) to (?:answer|assist|help|provide)\b",
    re.IGNORECASE,
)
MAKE = r"(?:writ|creat|produc|generat|compos|draft|craft|fulfil)(?:l?e|l?ing|l)?\b"
WHAT = (
    r"(?:(?:(?:such(?: an?)?|that|the requested|these|this|those|your) (?:\w+ ){0,2}?(?:content|examples?|instances?|material|messages?|posts?|prompts?|questions?|"
    r"requests?|reviews?|sentences?|texts?|tweets?)|content|material|an? \w+ (?:like|of) (?:that|this))\b|(?:it|that|this)(?: one)?(?= for you|[.,;!]|$))"
)
ANY_TEXT = (
    r"(?:an? |any |the )?(?:[\w-]+ ){0,4}?(?:advice|answers?|articles?|assistance|content|examples?|headlines?|information|instances?|jokes?|material|messages?|opinions?|posts?|questions?|"
    r"quotes?|responses?|reviews?|sentences?|statements?|stor(?:y|ies)|texts?|tweets?)\b"
)
UNABLE = r"i(?:'m| am) (?:unable|not able) to (?:\w+ly )?"
END = r"(?=[.,;!]|$)"
POLICY = r"(?:content|safety|usage) (?:guidelines?|polic(?:y|ies))"
DECLINING = re.compile(
    rf"\bi(?:'d rather| would rather| prefer| choose) not (?:to )?{MAKE} {WHAT}|\bi(?:'m| am)? (?:\w+ ){{0,3}}?(?:declin(?:e|ing)|refus(?:e|ing)|not (?:allowed|going|permitted|willing)) to (?:comply with|{MAKE}) {WHAT}"
    rf"|\bi (?:can(?:no|')t|cannot|do not|don't|must not|will not|won't|would not|wouldn't) (?:in good conscience |be )?(?:(?:comply with|engage with|{MAKE}) {WHAT})(?! (?:again|lightly)\b)"
    rf"|\b{UNABLE}(?:{MAKE} {WHAT}|{MAKE} {ANY_TEXT}|provide {ANY_TEXT}|proceed with (?:that|this)(?: (?:request|task))?{END}|(?:offer|share) (?:such|that|this) (?:content|information|material){END}"
    rf"|(?:assist|comply|engage|fulfill?)\b|help(?: you)?(?: with\b|{END})|(?:answer|continue|discuss|respond)(?: (?:to|with))?(?: (?:that|this|your)(?: \w+)?)?{END}"
    rf"|(?:accommodate|complete|meet|process|satisfy|support) (?:that|this|your) (?:request|task){END}|(?:accommodate|complete|process) the request\W*$|do (?:so|that|this),? (?:as|because|since) it\b)"
    rf"|^\W*(?:(?:(?:i(?:'m| am) )?sorry|i apologi[sz]e|regrettably|unfortunately)\b[^.!?]{{0,20}}? )?{UNABLE}do (?:so|that|this)\W*$"
    rf"|\bi (?:\w+ ){{0,2}}?(?:decline|refuse) (?:such an?|that|this|your) (?:\w+ )?(?:prompt|request)\b(?! (?:from|of)\b| for (?!{WHAT})| to (?!{MAKE}))"
    rf"|\bi(?:(?:'m| am) not| (?:do not|don't|would not|wouldn't) feel) comfortable (?:with )?(?:{MAKE} {WHAT}|(?:such an?|that|this) (?:content|prompt|request))"
    rf"|\bi(?:'ll| will|'m going to)?(?: have to)? pass on (?:{MAKE})"
    rf"|\bnot something (?:that )?i (?:can|could|will|would|am able to|'m able to) (?:assist with|{MAKE}|help (?:you )?with|provide)"
    rf"|\b(?:{MAKE}) (?:such|that|the requested|this) (?:\w+ )?(?:content|material|messages?|texts?) (?:is|would|wouldn't)(?: not)?(?: be)? (?:against|appropriate|harmful|inappropriate|unethical)"
    rf"|\b(?:inappropriate|not (?:be )?appropriate) (?:for me )?to {MAKE} {WHAT}"
    rf"|\b(?:against|beyond|goes against|outside|violat(?:es?|ing)) my (?:\w+ )?(?:{POLICY}|guidelines\b(?! (?:for|on) (?!(?:\w+ )?(?:content|material)\b))|programming\b(?! (?!(?:and|as|because|but|so|to)\b)\w))"
    rf"|\bmy (?:\w+ )?(?:{POLICY}|guidelines|programming) (?:(?:do not|does not|doesn't|don't) (?:allow|let|permit)|forbid|prevent|prohibit)"
    rf"|^\W*(?:answer|content|output|response|text) (?:blocked|filtered|withheld)\b.{{0,60}}\b(?:content filter|polic(?:y|ies)|safety)\b",
    re.IGNORECASE,
)  # a first person, or rules of its own, and what it does not write; found in short texts only
PREAMBLE = re.compile(
    r"^\W*(?:(?:sure|certainly|of course|absolutely|okay|ok)[,!.:]? (?:here\b|this\b|let\b(?! (?:me|us|you|him|her|them) know\b)|i\b[^.!?:\n]{0,80}:|i(?:'\w+)? (?:\w+ ){0,4}(?:write|rewrite|draft|compose|create|generate|provide)\b)|here(?:'s| is| are) (?:a|an|the|one|your|some|my)\b[^.!?]{0,80}:|"
    r"(?:question|answer|sentence|review|tweet|message|text|example|output|response|title|instance|label|topic|headline|statement|input)s?\s*\d*\s*:)"
    r"|^\W*notes?\s*:[^.!?]{0,80}\b(?:examples?|fictional|generated|instances?|placeholders?|prompts?|sentences?)\b"
    r"|^\W*(?:this|the) (?:\w+[ -]){0,2}(?:review|tweet|post|message|headline|caption|e-?mail|comment|note|text|passage|statement|sentence|question|article|summary)"
    r" (?:describes|expresses|conveys|highlights|discusses|depicts|reflects|portrays|mentions|illustrates|demonstrates|emphasi[sz]es|summari[sz]es|explores|talks about|is about|asks about|refers to)\b"
    r"|\b(?:only (?:write|output)|output the|the (?:following|above|given|provided) (?:sentence|question|text|review|tweet|message|paragraph|prompt|statement|example|answer|terms?|post|headline|passage|scenario)|"
    r"(?:this|the) (?:sentence|prompt|rewritten|revised) (?:is|was|uses|conveys|describes|asks|should|has|version)|"
    r"(?:this|the) question (?:is|was|uses|conveys|describes|asks|should|has|version)(?!,? (?:how|if|what|when|where|whether|who|why|will)\b| ,)|"
    r"(?:this|the) (?:first|second|third|fourth|fifth|last|final) (?:sentence|prompt|premise|hypothesis) (?:is|was|uses|conveys|describes|asks|should|has|version|contradicts|follows|says|states|supports)\b|"
    r"(?:this|the) (?:first|second|third|fourth|fifth|last|final) statement (?:(?:is|was) (?:also |not )?(?:correct|false|incorrect|true|wrong)|contradicts|follows|supports)\b|"
    r"this response (?:is|was|has)|(?:this|the) response (?:uses|conveys|describes|asks|should|version)|(?:write|writing|rewrite) (?:a|an|one|the|this|your)"
    r" (?:sentence|question|review|tweet|message|text|(?:\w+ ){0,2}(?:post|essay|caption|paragraph|introduction|news item))\b|(?:start|begin) by (?:writing|introducing|describing)\b|"
    r"(?:want|like) me to (?:write|rewrite|draft|generate)\b|(?:of|in|to) your (?:post|essay|caption|introduction|paragraph|sentence)\b|your prompt\b(?! \w)|(?:based on|according to|following) your (?:prompt|instructions?|request)\b|"
    r"the prompt (?:is|are|was|asks?|says?)\b|(?:^|(?<=[.!?] ))the topic is\b|what(?: is|'s) the topic\?|the (?:instructions?|request) (?:is|are|was|asks?|says?)\b(?:(?: as follows| this| these)?:|[^.!?]{0,60}\b(?:writ(?:e|ing)|examples?|paragraphs?|posts?|questions?|reviews?|sentences?|tweets?)\b)|word(?:s)? or less)",
    re.IGNORECASE,
)
BLANK = re.compile(
    r"(?<![\w\])])\[[A-Za-z][A-Za-z _'/-]{1,40}\](?!\([^)\s]*[./#:]|\[\d|:\s*https?:)"  # but no subscript, and no link in markdown
    r"|(?<!\w)<[A-Za-z][A-Za-z _-]{1,30}>|(?<![\w}\\^])\{[A-Za-z_ ]{1,30}\}|_{3,}|\b(?-i:XXX+|XYZ)\b|\bABC (?:company|corp|corporation|inc|bank|ltd)\b|lorem ipsum",
    re.IGNORECASE,
)

DOUBLED = re.compile(
    r"\b(\w+)(?:[^\S\n]+|[^\S\n]*\n[^\S\n]*)\1\b", re.IGNORECASE
)  # but neither "Long, long ago" nor a heading's word
REPEATED_MARK = re.compile(r"([^\w\s.!?])\1{3,}|(?:[\U0001F000-\U0001FAFF\u2600-\u27BF]\ufe0f?\s*){5,}|(\S)\2{7,}")
RULE = re.compile(r"(?=.*?([-=*_~#─━═])\1\1)[-=*_~#─━═|:+ \t]{3,120}")  # "-----", "|---|:--|", "+---+---+", "====="
HEADING = re.compile(r"^[ \t]*#{1,6}(?=[ \t]+\S)", re.MULTILINE)


def unruled(text: str) -> str:
    """The text without the signs before its headings, and without its rules where each stands beside a line that is none."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    rules = [RULE.fullmatch(line) is not None for line in lines]
    kept = [line for i, line in enumerate(lines) if not rules[i] or all(rules[max(0, i - 1) : i] + rules[i + 1 : i + 2])]
    return HEADING.sub("", "\n".join(kept))


def closed(text: str) -> bool:
    """Whether curly quotation marks come in pairs: “so”, „so“ or ”so”."""
    low, left, right = (text.count(mark) for mark in "„“”")
    if low:
        return low == left + right
    return left == right if left else right % 2 == 0


def quoted(text: str) -> bool:
    """Whether straight quotation marks come in pairs, but for those behind a digit that no mark before them opened: inches, as in 27"."""
    opened = False
    for match in STRAIGHT.finditer(text):
        opened = not opened and not match[1]
    return not opened


def bracketed(text: str) -> bool:
    """Whether every round bracket that opens is closed, by another or by a smiley's mouth."""
    depth = 0
    for match in BRACKET.finditer(text):
        depth = depth + 1 if match[0] == "(" else max(0, depth - match[0].count(")"))
    return depth == 0
