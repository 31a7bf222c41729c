"""What the names of joints say: side, role and naming family.

A name never decides alone. "LeftShoulder" is the clavicle in one family and the upper arm in
another, "foot" the ankle joint or the toes, "spine" sometimes the hips. The lexicon gives each word
all the roles it may mean, with weights; `chains` picks among them with the whole limb in view.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

Side = Literal["left", "right", ""]

LEXICON: dict[str, dict[str, float]] = {
    "hips": {
        "hips": 1.0,
        "hip": 1.0,
        "pelvis": 1.0,
        "waist": 0.4,
        "lowerbody": 0.5,
        "root": 0.3,
        "spine": 0.3,
    },
    "spine": {
        "spine": 1.0,
        "abdomen": 1.0,
        "waist": 0.9,
        "lowerback": 0.9,
        "back": 0.9,
        "stomach": 0.9,
        "upperback": 0.8,
        "torso": 0.8,
        "upperbody": 0.8,
        "trunk": 0.8,
        "chest": 0.6,
        "belly": 0.6,
        "thorax": 0.5,
    },
    "chest": {
        "chest": 1.0,
        "upperchest": 1.0,
        "thorax": 1.0,
        "ribcage": 1.0,
        "upperback": 0.9,
        "spine": 0.8,
        "torso": 0.7,
        "upperbody": 0.7,
        "trunk": 0.7,
        "back": 0.6,
        "abdomen": 0.5,
        "stomach": 0.5,
    },
    "neck": {"neck": 1.0, "lowerneck": 1.0, "upperneck": 0.9, "cervical": 1.0, "spine": 0.2},
    "head": {"head": 1.0, "skull": 1.0, "spine": 0.1},
    "clavicle": {
        "clavicle": 1.0,
        "collar": 1.0,
        "collarbone": 1.0,
        "shoulder": 0.7,
        "scapula": 0.7,
    },
    "upper_arm": {
        "upperarm": 1.0,
        "uparm": 1.0,
        "humerus": 1.0,
        "arm": 0.9,
        "shldr": 0.9,
        "shoulder": 0.7,
        "bicep": 0.8,
    },
    "forearm": {
        "forearm": 1.0,
        "lowerarm": 1.0,
        "lowarm": 1.0,
        "elbow": 1.0,
        "radius": 1.0,
        "ulna": 0.9,
        "arm": 0.3,
    },
    "hand": {"wrist": 1.0, "hand": 0.95},
    "thigh": {"thigh": 1.0, "upleg": 1.0, "upperleg": 1.0, "femur": 1.0, "hip": 0.9, "leg": 0.4},
    "shin": {
        "shin": 1.0,
        "calf": 1.0,
        "lowerleg": 1.0,
        "lowleg": 1.0,
        "knee": 1.0,
        "tibia": 1.0,
        "crus": 0.9,
        "leg": 0.9,
    },
    "foot": {"ankle": 1.0, "foot": 0.9},
    "toe": {
        "toe": 1.0,
        "toes": 1.0,
        "toebase": 1.0,
        "ball": 1.0,
        "forefoot": 1.0,
        "footindex": 1.0,
        "foot": 0.5,
    },
}
"""Role, without its side -> word -> how well the word fits the role, in (0, 1]."""

_OTHER_SCRIPTS: dict[str, str] = {
    "hips": "下半身:0.5 センター:0.4 腰:0.5 骨盆:1 骨盤:1 臀部:0.9 髋部:0.9 尻:0.6",
    "spine": "上半身:0.9 脊椎:0.9 脊柱:0.9 脊:0.9 腰:0.8 腹:0.8 腹部:0.8",
    "chest": "上半身:0.7 胸:1 胸部:1 脊椎:0.7 脊柱:0.7",
    "neck": "首:1 颈:1 頸:1 脖子:1 颈部:1 颈椎:0.9",
    "head": "頭:1 头:1 头部:1 頭部:1",
    "clavicle": "肩:0.8 锁骨:1 鎖骨:1 肩膀:0.7 肩部:0.7",
    "upper_arm": "腕:0.8 上腕:1 上臂:1 大臂:1 肩:0.5 手臂:0.7 二の腕:1",
    "forearm": "ひじ:1 肘:1 前腕:1 前臂:1 小臂:1 下臂:1 手肘:1",
    "hand": "手首:1 手:0.9 手腕:1 手掌:0.9 腕:0.4",
    "thigh": "足:0.8 もも:1 太もも:1 腿:0.8 大腿:1 上腿:1 股:0.6",
    "shin": "ひざ:1 膝:1 すね:1 小腿:1 下腿:1 膝盖:1 膝蓋:1",
    "foot": "足首:1 脚踝:1 踝:1 足:0.5 脚:0.9 腳:0.9 脚腕:1 腳踝:1",
    "toe": "つま先:1 つまさき:1 爪先:1 足先:0.9 脚趾:1 腳趾:1 脚尖:1 足趾:1",
}
"""The same for Japanese, as MMD has it, and Chinese: role -> words with their weights."""
for _role, _words in _OTHER_SCRIPTS.items():
    for _word in _words.split():
        LEXICON[_role][_word.partition(":")[0]] = float(_word.partition(":")[2])

_PASSED_OVER = {"hipjoint", "buttock", "heel", "heeljoint"}
"""Sided words for joints that lie in a limb but play no role, such as CMU's joint of no length
between hips and thigh.
"""

_BONES_OF_AN_ARM = frozenset({"humerus", "radius", "wrist", "hand"})
"""Acclaim skeletons name bones. Their wrist is the lower part of the forearm, which only twists;
what we call the wrist is where their hand begins.
"""

_EXTRAS = frozenset(
    word
    for words in (
        "end nub tip site effector leaf",
        "eye eyes eyebrow eyelid brow lid lip lips cheek nose nostril mouth chin jaw upperjaw "
        "lowerjaw teeth tongue ear",
        "face facial hair ponytail breast boob bust pectoral pec rib ribs tail wing genital",
        "thumb finger fingers pinky index metacarpal carpal palm digit knuckle",
        "skirt cloth cape coat belt holster bag prop props weapon gun sword shield camera cam "
        "light accessory",
        "ik fk pole target goal ctrl control helper attach socket share mch",
        "ｉｋ 親指 人指 中指 薬指 小指 指 捩 目 両目 眉 口 舌 髪 前髪 後髪 スカート ダミー "
        "先 拇指 食指 无名指 手指 尾 尾巴 耳 裙 头发 眼 眼睛 下巴",
    )
    for word in words.split()
)
"""Words for joints that no role wants."""

_EXTRAS_OF_A_SIDE = frozenset({"twist", "roll", "mid", "middle", "ring", "little"})
"""The same, but only in names with a side: on the trunk, "NeckTwist01" is the neck and "spine_mid"
is a spine.
"""

_ROLE_WORDS = frozenset(word for words in LEXICON.values() for word in words)
_WORDS = _ROLE_WORDS | _PASSED_OVER | _EXTRAS | _EXTRAS_OF_A_SIDE
_LONG_WORDS = sorted((word for word in _ROLE_WORDS if len(word) >= 4), key=len, reverse=True)
_LONG_EXTRAS = (
    "thumb",
    "finger",
    "pinky",
    "twist",
    "metacarp",
    "eyelid",
    "tongue",
    "breast",
    "skirt",
    "sharebone",
    "ｉｋ",
    "捩",
    "親指",
    "人指",
    "中指",
    "薬指",
    "小指",
    "スカート",
    "髪",
)
_SIDES: dict[str, Side] = {
    **dict.fromkeys(("l", "left", "lft", "lf"), "left"),
    **dict.fromkeys(("r", "right", "rgt", "rt"), "right"),
    "左": "left",
    "右": "right",
}
_MOST_WORDS = 8
"""Words of one name that are read, from its end: `_roles` tries all runs of them, and their number
grows with the square.
"""

_TOKEN = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+|[^\W\d_A-Za-z]+")


@dataclass(frozen=True)
class JointName:
    """What one joint's name says.

    side: "left", "right", or "" when the name has none
    word: the rest, in small letters without prefixes and numbers; "" when nothing is left
    roles: roles (without side) the word may mean -> weight in (0, 1]; empty for an unknown word
    extra: the joint is a finger, twist bone, eye, prop, end of a chain or the like, which no role
        wants
    passed_over: the joint lies in a limb but has no role
    """

    side: Side
    word: str
    roles: MappingProxyType[str, float]
    extra: bool
    passed_over: bool

    def weight(self, role: str) -> float:
        """How well the name fits `role` (without side), in [0, 1]."""
        return self.roles.get(role, 0.0)


@lru_cache(maxsize=4096)
def _tokens(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, without its namespace. CamelCase and glued sides
    ("lfemur", "leftHand") are split.
    """
    base = re.split(r"[:|]", name.strip(":| "))[-1]
    tokens: list[str] = []
    for token in _TOKEN.findall(base):
        token = token.lower()
        if token not in _WORDS and token not in _SIDES:
            for prefix in ("左", "右", "left", "right", "l", "r"):
                rest = token[len(prefix) :]
                # no other word begins with 左 or 右
                if token.startswith(prefix) and (rest in _WORDS or (rest and prefix in "左右")):
                    tokens.append(prefix)
                    token = token[len(prefix) :]
                    break
        tokens.append(token)
    return tuple(tokens)


def _roles(words: list[str]) -> dict[str, float]:
    """The roles that the words of one name may mean -> weight. A known word among others counts for
    less than one alone.
    """
    runs = [("".join(words), 1.0)]
    for length in range(len(words) - 1, 0, -1):
        runs += [
            ("".join(words[start : start + length]), 0.9)
            for start in range(len(words) - length, -1, -1)
        ]
    # as in "upperarmdeform"
    runs += [(known, 0.7) for known in _LONG_WORDS if known in runs[0][0]]
    for word, trust in runs:
        if word in _ROLE_WORDS:
            return {role: trust * known[word] for role, known in LEXICON.items() if word in known}
    return {}


def _is_extra(words: list[str], sided: bool) -> bool:
    """Whether the words of one name speak of a joint that no role wants."""
    if "".join(words) in _ROLE_WORDS:  # as MediaPipe's "foot_index", which is no finger
        return False
    if not _EXTRAS.isdisjoint(words):
        return True
    return sided and (
        not _EXTRAS_OF_A_SIDE.isdisjoint(words)
        or any(long in "".join(words) for long in _LONG_EXTRAS)
    )


@lru_cache(maxsize=4096)
def _read(tokens: tuple[str, ...], silent: frozenset[str]) -> JointName:
    """What the words of one name say; silent: words that tell nothing on this rig."""
    side: Side = next((_SIDES[token] for token in tokens if token in _SIDES), "")
    words = [
        token
        for token in tokens
        if token not in _SIDES and not token.isdigit() and token not in silent
    ][-_MOST_WORDS:]
    extra = _is_extra(words, bool(side))
    if not side:
        words = [token for token in words if token not in _EXTRAS_OF_A_SIDE]
    word = "".join(words)
    passed_over = bool(side) and word in _PASSED_OVER
    roles = {} if extra or passed_over else _roles(words)
    return JointName(side, word, MappingProxyType(roles), extra, passed_over)


def read_names(names: Sequence[str]) -> tuple[JointName, ...]:
    """As `_read_all`, which remembers the last rigs: many clips have the same one."""
    return _read_all(tuple(names))


@lru_cache(maxsize=64)
def _read_all(names: tuple[str, ...]) -> tuple[JointName, ...]:
    """Names of a rig's joints -> what each says.

    Words that more than half of the joints carry ("CC_Base_", "Bip01", "jnt") tell nothing apart
    and are dropped. Words for body parts stay: on a rig with fingers most names contain "Hand".
    """
    tokens = [_tokens(name) for name in names]
    count = Counter(token for found in tokens for token in set(found))
    silent = frozenset(
        token
        for token, times in count.items()
        if 2 * times > len(names) and token not in _SIDES and token not in _ROLE_WORDS
    )
    read = [_read(found, silent) for found in tokens]
    if _BONES_OF_AN_ARM.issubset(name.word for name in read):
        read = [
            replace(name, roles=MappingProxyType({}), passed_over=True)
            if name.word == "wrist"
            else name
            for name in read
        ]
    return tuple(read)


_FAMILIES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Mixamo", (r"(.*[:|])?mixamorig.*",)),
    ("CC3", (r"cc_base_.*",)),
    ("Biped", (r"bip\d* .*|bip\d+_.*",)),
    ("Bandai-Namco", ("joint_root", "upperleg_l", "toes_l")),
    ("CMU", ("lhipjoint",)),
    ("SMPL", ("(m_avg_|f_avg_)?(left_|l_)hip", "(m_avg_|f_avg_)?(left_|l_)collar")),
    ("Unreal", ("thigh_l", "calf_l", "upperarm_l")),
    ("Rigify", (r"(def-|org-)?thigh\.l", r"(def-|org-)?shin\.l")),
    ("Rokoko", ("leftthigh", "leftshin")),
    ("VRM", ("leftupperleg|j_bip_l_upperleg", "leftlowerleg|j_bip_l_lowerleg")),
    ("MMD", ("左(ひざ|膝)", "右(ひざ|膝)", "上半身.*")),
    ("Xsens/Poser", ("leftcollar", "lefthip", "leftknee")),
    ("LAFAN1", ("leftupleg", "leftarm", "lefttoe")),
    ("Mixamo", ("leftupleg", "leftarm", "leftforearm", "lefttoebase")),
)
"""Family and its patterns, each of which must fit some name (small letters, namespace dropped). The
most telling family comes first.
"""


def naming_family(names: Sequence[str]) -> str:
    """The naming convention of the names, whatever program wrote the file, or "unknown"."""
    plain = [name.lower().strip() for name in names]
    plain += [re.split(r"[:|]", name)[-1] for name in plain if ":" in name or "|" in name]
    every = set(plain)

    def fits_one(pattern: str) -> bool:
        return pattern in every or any(map(re.compile(pattern).fullmatch, every))

    for family, patterns in _FAMILIES:
        if all(map(fits_one, patterns)):
            return family
    return "unknown"
