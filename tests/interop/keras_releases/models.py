"""Models whose layers are easily taken for each other. Built in one process, so that the counters of automatic names go on."""

from __future__ import annotations

import numpy as np


def register(keras):
    """The custom classes, made of this release's base classes."""
    try:
        registered = keras.saving.register_keras_serializable
    except AttributeError:
        registered = keras.utils.register_keras_serializable
    layers = keras.layers

    @registered("samples")
    class Residual(layers.Layer):
        """Sublayers in attributes and in a list."""

        def __init__(self, units=3, depth=2, **rest):
            super().__init__(**rest)
            self.units, self.depth = units, depth
            self.entry = layers.Dense(units)
            self.blocks = [layers.Dense(units) for _ in range(depth)]
            self.norm = layers.LayerNormalization()

        def build(self, shape):
            self.scale = self.add_weight(name="scale", shape=(self.units,), initializer="ones")
            self.entry.build(shape)
            for block in self.blocks:
                block.build((None, self.units))
            self.norm.build((None, self.units))
            self.built = True

        def call(self, x):
            x = self.entry(x)
            for block in self.blocks:
                x = x + block(x)
            return self.norm(x) * self.scale

        def compute_output_shape(self, shape):
            return (*shape[:-1], self.units)

        def get_config(self):
            return {**super().get_config(), "units": self.units, "depth": self.depth}

    @registered("samples")
    class Subclassed(keras.Model):
        def __init__(self, **rest):
            super().__init__(**rest)
            self.encoder = layers.Dense(3)
            self.steps = [layers.Dense(3), layers.Dense(3)]
            self.out_proj = layers.Dense(2)

        def call(self, x):
            x = self.encoder(x)
            for step in self.steps:
                x = step(x)
            return self.out_proj(x)

        def get_config(self):
            return {"name": self.name}

    class Tied(layers.Layer):
        """Holds a layer that the model has, too; not registered, and its configuration does not tell."""

        def __init__(self, held, **rest):
            super().__init__(**rest)
            self.held = held

        def call(self, x):
            return self.held(x)

        def compute_output_shape(self, shape):
            return self.held.compute_output_shape(shape)

        def get_config(self):
            return super().get_config()

    class Extended(keras.Model):
        """A functional model that keeps some of its layers, and another one, as attributes."""

        def __init__(self, **rest):
            x = keras.Input((3,))
            body, zoom = layers.Dense(3), layers.Dense(3)
            super().__init__(x, layers.Dense(3)(zoom(body(x))), **rest)
            self.body, self.zoom, self.aside = body, zoom, layers.Dense(2)
            self.aside.build((None, 3))

    return Residual, Subclassed, Tied, Extended


def build(keras) -> dict:
    L = keras.layers
    residual, subclassed, tied, extended = register(keras)
    Input, Model, Sequential = keras.Input, keras.Model, keras.Sequential
    made = {}

    # The names start above zero, and at another number than the groups do.
    L.Dense(1)(Input((1,)))
    made["sequential"] = Sequential([Input((4,)), L.Dense(4), L.Dense(4), L.Dropout(0.1), L.Dense(4)])

    x = Input((2,))
    head, body = L.Dense(2, name="dense"), L.Dense(2, name="dense_1")
    made["swapped"] = Model(x, head(body(x)))

    # The order of the graph is not that in which the layers were made.
    x = Input((3, 3, 2))
    last, first, aside = L.Conv2D(2, 1), L.Conv2D(2, 1), L.Conv2D(2, 1)
    norm_last, norm_first = L.BatchNormalization(), L.BatchNormalization()
    made["branches"] = Model(x, L.Add()([norm_last(last(norm_first(first(x)))), aside(x)]))

    def inner(units=3):
        x = Input((units,))
        late, early = L.Dense(units), L.Dense(units)
        return Model(x, L.BatchNormalization()(late(early(x))))

    x = Input((3,))
    y = Sequential([Input((3,)), L.Dropout(0.1), L.Activation("relu")])(x)
    y = Sequential([Input((3,)), L.Dense(3), L.Dense(3)])(inner()(inner()(y)))
    nested = Model(x, L.Dense(3)(Model(deep := Input((3,)), inner()(L.Dense(3)(deep)))(y)))
    made["nested"] = nested

    x = Input((3,))
    twice, other, model = L.Dense(3), L.Dense(3), inner()
    made["shared"] = Model(x, L.Add()([twice(other(twice(x))), model(model(x))]))

    # One layer is in the outer model and in the inner one.
    x = Input((3,))
    both, own = L.Dense(3), L.Dense(3)
    small = Model(shared_in := Input((3,)), own(both(shared_in)))
    made["levels"] = Model(x, L.Dense(3)(both(small(x))))

    x = Input((4, 3))
    y = L.GRU(2, return_sequences=True)(L.LSTM(2, return_sequences=True)(x))
    y = L.LSTM(2, return_sequences=True)(y)
    y = L.RNN([L.LSTMCell(2), L.LSTMCell(2)], return_sequences=True)(y)
    made["recurrent"] = Model(x, L.RNN(L.GRUCell(2))(y))

    x = Input((4, 3))
    y = L.Bidirectional(L.LSTM(2, return_sequences=True))(x)
    y = L.Bidirectional(L.GRU(2, return_sequences=True))(y)
    y = L.TimeDistributed(L.Dense(3))(L.TimeDistributed(L.Dense(3))(y))
    made["wrapped"] = Model(x, y)

    x = Input((4, 3))
    try:
        y = L.TimeDistributed(Sequential([Input((3,)), L.Dense(3), L.Dense(3)]))(x)
        made["wrapped_model"] = Model(x, L.TimeDistributed(inner())(y))
    except Exception as why:  # some releases of Keras 3 cannot
        print("no wrapped_model:", str(why).splitlines()[0])

    # A wrapper holds a layer that the model has, too: before and behind it.
    x = Input((4, 3))
    held, free = L.Dense(3), L.Dense(3)
    made["held"] = Model(x, L.Dense(3)(held(free(L.TimeDistributed(held)(x)))))

    x = Input((4,))
    y = L.Add()([L.Embedding(5, 4)(x), L.Embedding(6, 4)(x)])
    y = L.MultiHeadAttention(2, 2)(y, L.MultiHeadAttention(2, 2)(y, y))
    y = L.LayerNormalization()(L.LayerNormalization(center=False, scale=False)(y))
    made["attention"] = Model(x, L.Dense(2, use_bias=False)(y))

    x = Input((3,))
    y = L.Dense(3)(residual(3)(L.Dense(3)(x)))
    made["custom"] = Model(x, residual(3, 1)(y))

    model = subclassed()
    model(np.zeros((1, 3), "float32"))
    made["subclassed"] = model

    x = Input((3,))
    kept = L.Dense(3)
    made["tied"] = Model(x, L.Dense(3)(L.Dense(3)(kept(tied(kept)(x)))))
    made["extended"] = extended()

    # Names of classes that are not simply put into lower case; an operation that is not a layer.
    x = y = Input((4, 4, 2))
    for _ in range(2):
        y = L.SeparableConv2D(2, 1)(L.DepthwiseConv2D(1)(L.Conv2DTranspose(2, 1)(L.Conv2D(2, 1)(y))))
        y = L.PReLU()(y) + y
    y = L.ConvLSTM2D(2, 1)(L.Reshape((1, 4, 4, 2))(y))
    made["classes"] = Model(x, L.Conv1D(2, 1)(L.Reshape((16, 2))(y)))

    if keras.__version__.startswith("2."):  # Keras 3 refuses them
        made["slashes"] = Sequential([Input((2,)), L.Dense(2, name="block/a"), L.Dense(2, name="block/b")])

    # More than nine of one class: dense_10 stands before dense_2 among the names of a group.
    made["many"] = Sequential([Input((2,)), *[L.Dense(2) for _ in range(12)]])

    trained = Sequential([Input((3,)), L.Dense(3), L.BatchNormalization(), L.Dropout(0.1), L.Dense(1)])
    trained.compile("adam", "mse", metrics=["mae"])
    trained.fit(np.ones((2, 3)), np.ones((2, 1)), verbose=0)
    made["trained"] = trained

    # A model within a model brings its own optimizer.
    core = Sequential([Input((3,)), L.Dense(3), L.Dense(3)])
    core.compile("adam", "mse")
    core.fit(np.ones((2, 3)), np.ones((2, 3)), verbose=0)
    x = Input((3,))
    made["compiled"] = Model(x, L.Dense(2)(core(L.Dense(3)(x))))
    return made


def parts(layer) -> list:
    """The layers of a model; nothing for a layer, whatever it holds."""
    return list(layer.layers) if hasattr(layer, "layers") and hasattr(layer, "inputs") else []


def leaves(model, above=()):
    """Every layer with weights, with the names of the models that it is in, in the order of the model."""
    for layer in model.layers:
        names = (*above, layer.name)
        inside = parts(layer)
        if inside:
            yield from leaves(layer, names)
        elif layer.weights:
            yield names, layer


def fill(model, random):
    """Values that no other weight has, even where one is a single number."""
    model.set_weights([(random.random(w.shape) * 100 + 1).astype("float32") for w in model.get_weights()])
