"""All that a plugin imports, by name; each is taken from the module that defines it when it is first asked for.

    from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Strategy, hookimpl

For plugins and their records
    hookimpl               marks a function as a hook: ebmbench_methods, ebmbench_datasets, ebmbench_metrics, ...
    MethodSpec             what the catalog knows of a method
    DatasetSpec            of a dataset
    MetricSpec             of a metric
    ReporterSpec           of a reporter: what makes a file of a finished run
    Track                  of a family of datasets: what it is judged by
    Column                 a number that the tables of a track show
    Ruler                  a loss that methods are ranked by
    Strategy               the seven ways of shaping an energy surface, and the reference rows
    EnergyKind             what an energy means, which decides what may be measured of it

For methods
    Method                 one algorithm: a frozen record of hyper-parameters that builds a surface and takes steps
    GradientMethod         one that has a loss; authors write build and loss
    SelfNormalizedMethod   one that learns log Z beside the energy; authors write the loss
    ReconstructionMethod   one whose energy is the reconstruction error of a map; authors write the loss
    ReferenceMethod        a row to compare with, never ranked
    Context                the space of x, and its moments
    Problem                what every method may build with: the domain, two moments of the data, the shared networks
    Batch                  rows of data y, and the context x that they depend on
    Logs                   what a step reports
    ParamGroups            parameters for the optimizer, each group with options of its own

For energies
    Surface                what a method makes and trains: an nn.Module whose forward is the energy
    EnergySurface          F(y) = net(y)
    ScaledSurface          the same, with the standard deviations of the data
    NoiseSurface           the same, with noise of a known density
    SelfNormalizedSurface  F(y) = net(y) + log Z, log Z a parameter
    ReconstructionSurface  F(y) = |u - G(u)|^2
    StandardizedSurface    one in standardized coordinates, u = (y - mean) / std
    ScoreSurface           one whose negative gradient is a score, with the size of its noise
    Contextual             a part of a surface that looks at the context x of its rows
    bound                  a copy of a part that is shown its contexts
    EnergyModel            an energy with its derivatives in y
    EnergyNet              the shared network of energies
    MapModel               a map of points to points with how it changes along directions
    MapNet                 the shared network of maps
    FourierNet             random Fourier features, then an MLP of any number of outputs
    conditioned            the same layers, which see the context too where there is one
    Conditioned            a network that does
    coarse_net             the shared network at its two lowest scales alone
    without_features       its settings on the bare input
    squared_distances      |u_i - places_j|^2
    minimum                F(y) = min_z E(y, z) over all z
    free_energy            F(y) = -(1/beta) log mean_z exp(-beta E(y, z))
    lattice                codes z: the nodes of a regular lattice of the unit ball
    normal_lattice         codes z that are equally probable under N(0, I)

For densities and sampling
    Noise                  a distribution that is sampled without a chain
    Gaussian               a normal one
    normal                 standard normal draws, like a tensor
    uniform                draws from [0, 1)
    log_uniform            draws whose logarithm is uniform
    signs                  draws of -1 and +1
    corrupted              y + s e and y - s e, and their noise
    langevin               unadjusted Langevin steps
    Metropolis             chains whose proposals are accepted so that exp(-F) stays invariant
    Mala                   Metropolis-adjusted ones
    Hmc                    Hamiltonian Monte Carlo
    independence_step      a Metropolis-Hastings step from noise
    input_gradient         the energy and its gradient with respect to y
    logsumexp              log sum exp, with its limits

For datasets and metrics
    Dataset                a sampler and, wherever possible, its exact log density
    Box                    a domain: an axis-parallel box
    Binary                 a domain: strings of bits
    Support                where a surface is integrated
    EvalContext            what a metric is given: the energy in one calibration, the truth, samples
    NotApplicable          raised by what cannot be had here; the message says why

``help`` of a name says the rest. What is promised of them stands in CONTRIBUTING.md.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, _names = lazy_loader.attach_stub("ebmbench", __file__)
# The table of the names is the stub beside this file. They are not named in __all__: help(ebmbench.api) would go on to
# all that its classes inherit from torch and pydantic, in twenty thousand lines.
