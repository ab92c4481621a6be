"""The precision of densities."""

import keras


def float32_policy(kwargs):
    """`kwargs` with a dtype in which densities are exact enough, whatever the global precision policy."""
    policy = keras.dtype_policies.get(kwargs.get("dtype") or keras.config.dtype_policy())
    if policy.compute_dtype in ("float16", "bfloat16"):
        return {**kwargs, "dtype": "float32"}
    return kwargs
