"""Recipes that a search begins with before it has learnt anything: heads that leave much open, and plain pipelines.

The less a head simplifies, the more is left for functions to differ in: over 36 train modules and 12 random function
pipelines, the best mix saved 2.4 % under the head that only inlines, 1.2 % under one that simplifies fully, and 0.7 %
after default<Oz>; without inlining 2.0 %, on other modules (3.2 % for both).
"""

from __future__ import annotations

from clang_llm.plans.recipe import Recipe, all_usable

_FIRST = "inferattrs,ipsccp,called-value-propagation,globalopt"
_LAST = "deadargelim,globalopt,globaldce"
_PREPARE = "sroa,early-cse,simplifycfg"
_COMBINE = "instcombine<no-verify-fixpoint>"
_SINK = "simplifycfg<no-keep-loops;hoist-common-insts;sink-common-insts>"

CLOSING = "globaldce,constmerge"
#: What a finished mix is tried with.
CLOSINGS: tuple[str, ...] = (
    CLOSING,
    f"mergefunc,cgscc(inline),function({_COMBINE},simplifycfg),{CLOSING}",
    f"mergefunc,function({_SINK}),mergefunc,{CLOSING}",
    f"mergefunc,{CLOSING}",
    f"cgscc(inline,function({_COMBINE},simplifycfg)),{CLOSING}",
)
HEADS: tuple[str, ...] = (
    f"{_FIRST},function({_PREPARE}),cgscc(inline,function-attrs,argpromotion),{_LAST}",
    "always-inline",
    f"{_FIRST},function(mem2reg),cgscc(inline,function-attrs,argpromotion,function(mem2reg,simplifycfg)),{_LAST}",
    (
        f"{_FIRST},function({_PREPARE}),mergefunc,"
        f"cgscc(inline,function-attrs,argpromotion,function({_PREPARE},{_COMBINE})),{_LAST},mergefunc"
    ),
)
#: The first is close to what -Oz does to a function.
FUNCTIONS: tuple[str, ...] = (
    (
        f"sroa,early-cse<memssa>,jump-threading,correlated-propagation,simplifycfg,{_COMBINE},aggressive-instcombine,"
        "tailcallelim,simplifycfg,reassociate,loop-mssa(licm),loop(loop-rotate),loop-mssa(licm),simplifycfg,"
        f"{_COMBINE},loop(loop-idiom),loop(indvars),loop(loop-deletion),sroa,vector-combine,mldst-motion,gvn,sccp,bdce,"
        f"{_COMBINE},jump-threading,correlated-propagation,adce,memcpyopt,dse,{_SINK},{_COMBINE},div-rem-pairs,"
        f"tailcallelim,{_SINK}"
    ),
    f"sroa,early-cse,{_COMBINE},{_SINK},gvn,{_COMBINE},adce",
)


def seeds(major: int) -> list[Recipe]:
    """Return the seeds as one major version of LLVM runs them."""
    all_of_them = (Recipe(head, (function,), (), CLOSING) for head in HEADS for function in FUNCTIONS)
    return list(all_usable(all_of_them, major))
