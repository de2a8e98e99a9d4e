"""The phrases by which a text is known to address a model: words that must be there, and then an expression.

Each expression looks a bounded number of characters ahead, so that no text takes more than linear time. They are
matched against small letters with single spaces.
"""
# ruff: noqa: E501, ISC004 - an expression reads best in one piece

from typing import Final

_ORDERS: Final = (
    "add|anagram|append|augment|begin|change|combine|compose|convert|encode|encrypt|end|enhance|enrich|finish|format|group"
    "|hint|include|incorporate|insert|integrate|introduce|jumble|mention|misspell|modify|provide|put|rearrange|remove"
    "|render|replace|rewrite|scramble|spell|start|state|substitute|suggest|tease|translate|use|write"
)
_REPLY: Final = r"your (?:\w+ ){0,2}(?:response|reply|replies|answers?|output|completion)\b"
_RULES: Final = (
    r"(?:instructions?|prompts?|rules|directions|directives|guidelines|guardrails|constraints|commands|context)\b"
)
_SOON: Final = r"(?:[^.!?\n]|[.!?](?=\S))"  # on to the end of the sentence; a full stop in an address ends none
_MODEL: Final = (
    r"(?:a\.?i\.?|llm|gpt|chat ?bot|(?:large )?language model|(?:ai|virtual|digital) (?:assistant|agent|model))"
)

# Words of which one must be there for the expression to be worth a try, and the expression.
PHRASES: Final[tuple[tuple[str, str], ...]] = (
    (  # to set aside what it was told
        "ignor|disregard|forget|overrid|bypass|overlook|discard",
        rf"\b(?:ignor(?:e|ing)|disregard|forget|overrid(?:e|ing)|bypass|overlook|discard)\b[^.!?]{{0,40}}?\b(?:(?:previous|prior"
        r"|above|earlier|preceding|former|foregoing|system|original|initial|your|these|those|all(?: the)?)"
        rf"[^.!?]{{0,25}}{_RULES}|(?:the|all|any) {_RULES} (?:above|before|that you)|(?:everything|anything|all|what)(?: \w+){{0,4}} (?:above|before|earlier|previously|so far)\b)",
    ),
    (
        "instruction|prompt|rules|direct|guid|constraint|command|context",
        rf"\b(?:new|updated|revised|real|actual|hidden|secret|special) {_RULES}[^.!?]{{0,30}}\b(?:for|to) (?:the |you|any |an |all )",
    ),
    (
        "do not|don't|never|stop",
        r"\b(?:do not|don't|never|stop) (?:follow|obey|apply|use|trust|listen to|cite|mention)\w*[^.!?]{0,25}"
        r"\b(?:other|previous|prior|above|earlier|remaining|system) (?:passages?|documents?|sources?|instructions?|rules)\b",
    ),
    (  # what to write
        "your",
        rf"\b(?:{_ORDERS})\b{_SOON}{{0,90}}?\b{_REPLY}"
        rf"|\b(?:in|to|of|for|from|at|with) {_REPLY}[^.!?\n]{{0,6}}(?:,|:|\b(?:{_ORDERS}|say|tell|give|ask|invite|promote)\b)"
        rf"|\b{_REPLY} (?:must|should|shall|has to|needs to|will|always)\b"
        rf"|\b(?:render|scramble|jumble|encrypt|encode|misspell)\b{_SOON}{{0,60}}?\byour (?:message|words|text)\b",
    ),
    (
        "respond|reply|answer|output",
        r"\b(?:respond|reply|answer) (?:\w+ )?(?:only|exactly|instead|solely|exclusively|always)\b"
        r"|\b(?:always|only|just|must|instead|simply|immediately) (?:respond|reply|answer|output)\b"
        r"[^.!?\n]{0,20}?(?:\bwith\b|\bthat\b|\bthis\b|[\"'“‘:])",
    ),
    (
        "when|if you|if ask|if answer|if respond|if summar|if any|if a |if the",
        r"\b(?:if|when|whenever) (?:you(?: are|'re)? (?:asked|answer\w*|respond\w*|summari\w+|process\w*|generat\w+)"
        r"|(?:asked|answering|responding|summari[sz]ing)|(?:any|a|the) (?:user|human|person|question) (?:asks?|is asked))\b"
        r"[^.!?\n]{0,80}?\b(?:say|state|answer|reply|respond|output|print|write|cite|tell|claim|recommend)\b",
    ),
    ("cite", r"\bcite (?:only |this |the )+(?:passage|document|source)\b"),
    (  # who it is
        "you are",
        rf"\byou are (?:now |henceforth |actually )?(?:an? |the |in )?(?:[\w-]+ ){{0,3}}(?:assistant|{_MODEL}|dan"
        r"|(?:developer|debug|admin|maintenance|god) mode)\b",
    ),
    (
        "act as|behave as|respond as|answer as|pretend",
        rf"\b(?:act|behave|respond|answer) as (?:if you|though you|an? (?:[\w-]+ ){{0,3}}(?:{_MODEL}|assistant|expert|hacker))\b"
        r"|\bpretend (?:to be|that you|you)\b",
    ),
    (
        "dear|hey|hello|attention|note |message |instruction|important for|reading|processing|summari|reads",
        rf"\b(?:dear|hey|hello|attention|note (?:to|for)|message (?:to|for)|instructions? (?:to|for)|important for)[,:]? "
        rf"(?:the |any |all |an )?(?:{_MODEL}|assistant|model|summari[sz]er|agent)s?\b"
        rf"|\b(?:{_MODEL}|assistant|model)s?(?: \w+){{0,4}} (?:reading|processing|summari[sz]ing|that reads?|who reads?) this\b",
    ),
    (
        "er mode|debug mode|dan mode|god mode|jailbr",
        r"\b(?:developer|debug|dan|jailbreak|god) mode\b|\bjailbr(?:eak|oken)",
    ),
    (  # what it must not tell, and to whom
        "prompt|instruction|rule|message|configuration",
        r"\b(?:reveal|repeat|print|show|output|display|leak|disclose|recite|expose|return)\b[^.!?\n]{0,40}?\b(?:system|your"
        r"|hidden|initial|secret|developer) (?:\w+ )?(?:prompt|instructions?|rules|message|configuration)\b|\bsystem prompt\b",
    ),
    (
        "user|human|reader",
        r"\b(?:tell|inform|convince|urge|persuade|instruct|encourage|warn|remind|invite)(?:ing)? (?:the |all |any )?"
        r"(?:users?|humans?|readers?) (?:to|that)\b|\b(?:do not|don't|never|without) (?:tell|inform|mention|reveal|alert|show|warn"
        r"|notify)\w*[^.!?\n]{0,25}?\b(?:the |this |it |any )*+(?:users?|humans?)\b",
    ),
    (  # how prompts look inside
        "<|inst]|sys>>|##|system|assistant|human|ai:|ai :|>|passage-|question-|conversation-",
        r"<\|?/?(?:im_start|im_end|system|endoftext|begin_of_text|eot_id|start_header_id|user|assistant)\b[^>]{0,20}>"
        r"|\[/?inst\]|<</?sys>>|^[ \t]*+#{2,4} ?(?:system|instructions?|response|assistant)\b ?:"
        r"|^[ \t]*+(?:system|assistant|human|ai) ?: ?\S|</?(?:passage|question|conversation)-[0-9a-f]",
    ),
    (  # where to send it
        "![|url|link|query|image|markdown",
        r"!\[[^\]\n]{0,80}\]\([^)\s]{1,300}[?&][\w-]{1,40}=[\[{<$%(]?"
        r"|\b(?:append|add|attach|insert|put|include|encode|send|embed)\w{0,3}\b[^.!?\n]{0,60}?\b(?:to|in|into|as part of)"
        r" (?:the |this |an? )?(?:url|link|query string|image|markdown)\b",
    ),
    (  # the first of these in other languages
        "ignor|vergiss|missacht|oubli|olvid|descart|dimentic",
        r"\b(?:ignorier\w*|vergiss|missachte)\b[^.!?]{0,30}\b(?:anweisung\w*|regeln|vorgaben)\b"
        r"|\b(?:ignore[zr]?|oublie[zr]?)\b[^.!?]{0,30}\b(?:instructions|consignes|règles)\b"
        r"|\b(?:ignora\w*|olvid\w+|descarta|dimentica)\b[^.!?]{0,30}\b(?:instruc\w+|instruç\w+|istruzioni|reglas|regras|regole)\b",
    ),
    (
        "忽略|无视|忘记|無視|忘れ|игнорируй|забудь",
        r"(?:忽略|无视|忘记).{0,12}(?:指令|指示|提示|规则)|(?:指示|命令|プロンプト).{0,8}(?:無視|忘れ)"
        r"|\b(?:игнорируй\w*|забудь\w*)\b[^.!?]{0,30}\b(?:инструкц\w+|указан\w+|правил\w*)\b",
    ),
)
