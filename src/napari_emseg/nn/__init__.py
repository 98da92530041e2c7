"""Networks and learning: the only package that imports torch, and only in its modules, not here."""

import os

# GNU OpenMP's idle threads spin by default and starve the thread that makes the next batch: on two cores a
# training step takes twice as long. It is read once, when torch loads the library, so it is set before that.
os.environ.setdefault("GOMP_SPINCOUNT", "0")

MODELS: dict[str, str] = {
    "space_unet": "napari_emseg.nn.models.space_unet:SpaceUNet",
    "backbone_unet": "napari_emseg.nn.models.backbone_unet:BackboneUNet",
    "dilated_unet_3d": "napari_emseg.nn.models.residual_unet_3d:DilatedUNet3D",
    "dlinknet": "napari_emseg.nn.models.linknet:DLinkNet",
    "embedding_unet": "napari_emseg.nn.models.embedding_unet:EmbeddingUNet",
    "embedding_unet_3d": "napari_emseg.nn.models.light_unet_3d:EmbeddingUNet3D",
    "feature_pyramid_3d": "napari_emseg.nn.models.residual_se_unet_3d:FeaturePyramid3D",
    "fine_grained_unet": "napari_emseg.nn.models.fine_grained_unet:FineGrainedUNet",
    "inception_vnet_3d": "napari_emseg.nn.models.vnet:InceptionVNet3D",
    "light_unet_3d": "napari_emseg.nn.models.light_unet_3d:LightUNet3D",
    "linknet": "napari_emseg.nn.models.linknet:LinkNet",
    "monai": "napari_emseg.nn.models.monai_network:MonaiNetwork",
    "prototype_unet_3d": "napari_emseg.nn.models.light_unet_3d:PrototypeUNet3D",
    "refine_net_3d": "napari_emseg.nn.models.refine_net_3d:RefineNet3D",
    "residual_se_unet_3d": "napari_emseg.nn.models.residual_se_unet_3d:ResidualSEUNet3D",
    "residual_unet_3d": "napari_emseg.nn.models.residual_unet_3d:ResidualUNet3D",
    "se_unet_3d": "napari_emseg.nn.models.se_unet_3d:SEUNet3D",
    "separable_vnet_3d": "napari_emseg.nn.models.vnet:SeparableVNet3D",
    "two_branch_unet": "napari_emseg.nn.models.backbone_unet:TwoBranchUNet",
    "unet": "napari_emseg.nn.models.unet:UNet",
    "unet_25d": "napari_emseg.nn.models.unet_25d:UNet25D",
    "unet_3d": "napari_emseg.nn.models.unet_3d:UNet3D",
    "unet_valid": "napari_emseg.nn.models.unet_valid:ValidUNet",
    "valid_unet_3d": "napari_emseg.nn.models.valid_unet_3d:ValidUNet3D",
    "vnet": "napari_emseg.nn.models.vnet:VNet",
    "vnet_3d": "napari_emseg.nn.models.vnet:VNet3D",
}
"""Architecture name to class. Those that end in 3d, and `unet_25d`, look at blocks of sections (`depth` in a recipe)."""

LOSSES: dict[str, str] = {
    "bce": "napari_emseg.nn.losses.bce:bce",
    "bce_dice": "napari_emseg.nn.losses.bce_dice:bce_dice",
    "border_dice": "napari_emseg.nn.losses.dice:border_dice",
    "categorical": "napari_emseg.nn.losses.exclusive:categorical",
    "decided": "napari_emseg.nn.losses.graded:decided",
    "dice": "napari_emseg.nn.losses.dice:dice",
    "direction": "napari_emseg.nn.losses.embedding:direction",
    "discriminative": "napari_emseg.nn.losses.embedding:discriminative",
    "focal": "napari_emseg.nn.losses.focal:focal",
    "focal_bce_dice": "napari_emseg.nn.losses.focal:focal_bce_dice",
    "focal_dice": "napari_emseg.nn.losses.focal:focal_dice",
    "generalised_dice": "napari_emseg.nn.losses.dice:generalised_dice",
    "hardness_dice": "napari_emseg.nn.losses.dice:hardness_dice",
    "level": "napari_emseg.nn.losses.graded:level",
    "mse": "napari_emseg.nn.losses.graded:mse",
    "ohem_bce": "napari_emseg.nn.losses.ohem:ohem_bce",
    "ohem_mse": "napari_emseg.nn.losses.ohem:ohem_mse",
    "sensitivity_specificity": "napari_emseg.nn.losses.tversky:sensitivity_specificity",
    "tversky": "napari_emseg.nn.losses.tversky:tversky",
}
"""Loss name to function of (logits, truth, weight) -> dict of the loss per target and named components."""
